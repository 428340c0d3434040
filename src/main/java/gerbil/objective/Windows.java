package gerbil.objective;

import gerbil.base.GerbilException;
import gerbil.tokens.TokenSet;

/** A token set cut into windows of equal length, documents packed one after another, no token left between two. */
public final class Windows {

    private final TokenSet tokens;
    private final int length;
    private final int count;

    /**
     * @param length tokens of a window
     * @throws GerbilException if the set is shorter than one window
     */
    public Windows(TokenSet tokens, int length) {
        this.tokens = tokens;
        this.length = length;
        count = Math.toIntExact((tokens.tokens() - 1) / length);
        requireOne(tokens, length);
    }

    /**
     * @throws GerbilException if the set is shorter than one window
     */
    static void requireOne(TokenSet tokens, int length) {
        if (tokens.tokens() <= length) {
            throw new GerbilException("a token set of " + tokens.tokens() + " tokens in " + tokens.folder(),
                    "at least " + (length + 1) + ", one sequence and its last target",
                    "prepare more text or choose a shorter sequence");
        }
    }

    /** How many windows there are. */
    public int count() {
        return count;
    }

    /** Where in the token set a window begins. */
    long position(int number) {
        return (long) number * length;
    }

    /** The windows of the given numbers, 0 to {@code count - 1}, a row each. */
    public Batch batch(int... numbers) {
        long[] inputs = new long[numbers.length * length];
        long[] targets = new long[numbers.length * length];
        int[] window = new int[length + 1];
        for (int row = 0; row < numbers.length; row++) {
            tokens.read(position(numbers[row]), window);
            for (int i = 0; i < length; i++) {
                inputs[row * length + i] = window[i];
                targets[row * length + i] = window[i + 1];
            }
        }
        return new Batch(numbers.length, length, inputs, targets);
    }
}
