package gerbil.cli;

import java.util.Locale;

/** Durations in words. */
final class Durations {

    private static final double MINUTE = 60;
    private static final double HOUR = 60 * MINUTE;

    private Durations() {
    }

    static String text(double seconds) {
        if (seconds < 2 * MINUTE) {
            return String.format(Locale.ROOT, "%.0f s", seconds);
        }
        return seconds < 2 * HOUR
                ? String.format(Locale.ROOT, "%.0f min", seconds / MINUTE)
                : String.format(Locale.ROOT, "%.1f h", seconds / HOUR);
    }
}
