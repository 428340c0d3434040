package gerbil.objective;

import gerbil.base.GerbilException;
import gerbil.spec.BlendedObjective;
import gerbil.spec.BlenderSettings;
import gerbil.tokenizer.Vocabulary;

import java.util.SplittableRandom;

/**
 * Makes the examples of one epoch. An example's objective and cuts are a pure function of seed, epoch and number; its
 * length is one of its objective and the length of its text, so that sequences can be planned without making them.
 */
final class BlenderExamples {

    private static final int OBJECTIVE = 0;
    private static final int CUT = 1;

    private final BlenderFormat format;
    private final BlenderSettings settings;
    private final long key;

    BlenderExamples(Vocabulary vocabulary, BlenderSettings settings, long seed, long epoch) {
        format = new BlenderFormat(vocabulary);
        this.settings = settings;
        key = mixed(mixed(seed) + epoch);
    }

    /**
     * The objective that is drawn for a number: of the example, or of the sequence if shares are of tokens.
     */
    BlendedObjective objective(long number) {
        double point = random(OBJECTIVE, number).nextDouble();
        return point < settings.fillInTheMiddle() ? BlendedObjective.FILL_IN_THE_MIDDLE
                : point < settings.fillInTheMiddle() + settings.causal() || settings.masked() == 0
                ? BlendedObjective.CAUSAL : BlendedObjective.MASKED;
    }

    /**
     * The fewest tokens that can be an example of an objective: half of a text may be a span, and not all be hidden.
     */
    int shortestText(BlendedObjective objective) {
        return switch (objective) {
            case FILL_IN_THE_MIDDLE -> 2 * settings.shortestSpan();
            case CAUSAL -> 1;
            case MASKED -> 2;
        };
    }

    /** Tokens of an example with its tags and {@code <|endoftext|>}. */
    int length(BlendedObjective objective, int text) {
        return text + switch (objective) {
            case FILL_IN_THE_MIDDLE -> 4;
            case CAUSAL -> 2;
            case MASKED -> 3 + masks(text);
        };
    }

    /** The longest text whose example has at most {@code room} tokens; below 1 if there is none. */
    int longestText(BlendedObjective objective, int room) {
        int text = objective == BlendedObjective.MASKED
                ? (int) Math.ceil((room - 3) / (1 + settings.maskRate())) + 1 : room;
        while (text > 0 && length(objective, text) > room) {
            text--;
        }
        return text;
    }

    /**
     * @throws GerbilException if an example of no more than {@code room} tokens cannot be of one of the objectives
     */
    void requireRoom(int room) {
        for (BlendedObjective objective : BlendedObjective.values()) {
            if (settings.share(objective) > 0 && longestText(objective, room) < shortestText(objective)) {
                throw new GerbilException("sequences of " + (room - 1) + " tokens and examples of "
                        + objective.label() + " with spans of at least " + settings.shortestSpan() + " tokens",
                        "room for a text twice as long as the shortest span, and its tags",
                        "choose longer sequences or shorter spans");
            }
        }
    }

    /** The example of a number, from its text. */
    int[] example(BlendedObjective objective, long number, int[] text) {
        SplittableRandom random = random(CUT, number);
        return switch (objective) {
            case FILL_IN_THE_MIDDLE -> {
                int longest = Math.min(settings.longestSpan(), text.length / 2);
                int span = random.nextInt(settings.shortestSpan(), longest + 1);
                int from = random.nextInt(text.length - span + 1);
                yield format.fillInTheMiddle(text, from, from + span);
            }
            case CAUSAL -> format.causal(text);
            case MASKED -> format.masked(text, positions(text.length, masks(text.length), random));
        };
    }

    /** Which of an example's tokens is the first that is learned. */
    int firstLearned(int[] example) {
        return settings.lossOn() == BlenderSettings.LossOn.ALL ? 1 : format.answer(example);
    }

    /** At least one token is hidden, and never all. */
    private int masks(int text) {
        return (int) Math.max(1, Math.min(text - 1, Math.round(settings.maskRate() * text)));
    }

    /**
     * Each set of {@code count} positions is equally likely (selection sampling, Knuth, TAOCP 2, 3.4.2, algorithm S).
     */
    private static int[] positions(int length, int count, SplittableRandom random) {
        int[] chosen = new int[count];
        int found = 0;
        for (int i = 0; found < count; i++) {
            if (random.nextInt(length - i) < count - found) {
                chosen[found++] = i;
            }
        }
        return chosen;
    }

    private SplittableRandom random(int purpose, long number) {
        return new SplittableRandom(mixed(mixed(key + purpose) + number));
    }

    private static long mixed(long value) {
        return new SplittableRandom(value).nextLong();
    }
}
