package gerbil.base;

import java.util.Locale;

/** Amounts as people read them. */
public final class Units {

    private Units() {
    }

    /** Three digits and a prefix: 950, 12.5k, 60M, 1.39B. */
    public static String count(double amount) {
        double size = Math.abs(amount);
        if (size < 999.5) {
            return digits(amount);
        }
        if (size < 999.5e3) {
            return digits(amount / 1e3) + "k";
        }
        return size < 999.5e6 ? digits(amount / 1e6) + "M" : digits(amount / 1e9) + "B";
    }

    /**
     * A count as people write it: 1000, 500k, 60M, 1.5G.
     *
     * @throws GerbilException if the text is not a count above 0
     */
    public static long parseCount(String text) {
        String lower = text.toLowerCase(Locale.ROOT).replace("_", "");
        int unit = lower.isEmpty() ? -1 : "kmg".indexOf(lower.charAt(lower.length() - 1));
        try {
            double number = Double.parseDouble(unit < 0 ? lower : lower.substring(0, lower.length() - 1));
            long count = Math.round(number * Math.pow(1000, unit + 1));
            if (count > 0) {
                return count;
            }
        } catch (NumberFormatException e) {
            // told below, like a count that is not above 0
        }
        throw new GerbilException("count '" + text + "'", "a number above 0 such as 1000, 500k or 60M",
                "write it that way");
    }

    private static String digits(double amount) {
        double size = Math.abs(amount);
        String digits = String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.2f", amount);
        return digits.contains(".") ? digits.replaceFirst("\\.?0+$", "") : digits;
    }

    /** The two largest units that matter: under 0.1 s, 4.2 s, 1 min 2 s, 3 h 5 min. */
    public static String seconds(double amount) {
        long millis = Math.round(1_000 * amount);
        long seconds = millis / 1_000;
        if (millis < 100) {
            return "under 0.1 s";
        }
        if (seconds < 10) {
            return String.format(Locale.ROOT, "%.1f s", millis / 1e3);
        }
        if (seconds < 60) {
            return seconds + " s";
        }
        return seconds < 3_600
                ? seconds / 60 + " min " + seconds % 60 + " s"
                : seconds / 3_600 + " h " + seconds % 3_600 / 60 + " min";
    }
}
