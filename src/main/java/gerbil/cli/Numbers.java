package gerbil.cli;

import gerbil.base.GerbilException;

import java.util.Locale;

/** Counts as people write them: 1000, 500k, 60M, 1.5G. */
final class Numbers {

    private Numbers() {
    }

    /**
     * @throws GerbilException if the text is not a count above 0
     */
    static long parse(String text) {
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
}
