package gerbil.runs;

import gerbil.base.GerbilException;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * When checkpoints are saved and which are kept. There is always one at the end and one at an interrupt.
 *
 * @param everySeconds seconds between two, or more, so that saving takes at most 2 % of the time; 0 if steps count
 * @param everySteps steps between two; 0 if seconds count
 * @param keepLast how many of the newest are kept
 * @param keepEvery of older ones those are kept whose step is a multiple of this; 0 for none
 */
public record CheckpointPolicy(long everySeconds, int everySteps, int keepLast, int keepEvery) {

    /** One a minute, of which two are kept. */
    public static final CheckpointPolicy DEFAULT = new CheckpointPolicy(60, 0, 2, 0);

    private static final double LARGEST_SHARE = 0.02;
    private static final Pattern EVERY = Pattern.compile("([1-9]\\d{0,8})([smh]?)");

    public CheckpointPolicy {
        if (everySeconds < 0 || everySteps < 0 || keepLast < 1 || keepEvery < 0) {
            throw new GerbilException(keepLast + " checkpoints to keep, and those of every " + keepEvery + " steps",
                    "at least 1 to keep, and a number of steps that is not below 0", "choose such numbers");
        }
    }

    /** The default, with another time between two. */
    public static CheckpointPolicy every(Duration time) {
        return new CheckpointPolicy(time.toSeconds(), 0, DEFAULT.keepLast, DEFAULT.keepEvery);
    }

    /**
     * @param every "60s", "5m", "1h", or steps: "500"
     * @throws GerbilException if it is none of these, or less than 1 is to be kept
     */
    public static CheckpointPolicy parse(String every, int keepLast, int keepEvery) {
        Matcher parts = EVERY.matcher(every);
        if (!parts.matches()) {
            throw new GerbilException("checkpoints every '" + every + "'",
                    "a time such as 60s, 5m or 1h, or a number of steps such as 500", "choose one of these");
        }
        int number = Integer.parseInt(parts.group(1));
        return switch (parts.group(2)) {
            case "s" -> new CheckpointPolicy(number, 0, keepLast, keepEvery);
            case "m" -> new CheckpointPolicy(60L * number, 0, keepLast, keepEvery);
            case "h" -> new CheckpointPolicy(3_600L * number, 0, keepLast, keepEvery);
            default -> new CheckpointPolicy(0, number, keepLast, keepEvery);
        };
    }

    /**
     * Whether a checkpoint is to be saved.
     *
     * @param step just done
     * @param seconds since the last one was saved
     * @param saving seconds that saving it took
     */
    public boolean due(int step, double seconds, double saving) {
        return everySteps > 0 ? step % everySteps == 0 : seconds >= Math.max(everySeconds, saving / LARGEST_SHARE);
    }
}
