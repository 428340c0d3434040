package gerbil.base;

import java.time.Duration;
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

    private static String digits(double amount) {
        double size = Math.abs(amount);
        String digits = String.format(Locale.ROOT, size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.2f", amount);
        return digits.contains(".") ? digits.replaceFirst("\\.?0+$", "") : digits;
    }

    /** As {@link #duration(Duration)}. */
    public static String seconds(double seconds) {
        return duration(Duration.ofMillis(Math.round(1_000 * seconds)));
    }

    /** The two largest units that matter: under 0.1 s, 4.2 s, 1 min 2 s, 3 h 5 min. */
    public static String duration(Duration duration) {
        long seconds = duration.toSeconds();
        if (duration.toMillis() < 100) {
            return "under 0.1 s";
        }
        if (seconds < 10) {
            return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1e3);
        }
        if (seconds < 60) {
            return seconds + " s";
        }
        return seconds < 3_600
                ? seconds / 60 + " min " + seconds % 60 + " s"
                : seconds / 3_600 + " h " + seconds % 3_600 / 60 + " min";
    }
}
