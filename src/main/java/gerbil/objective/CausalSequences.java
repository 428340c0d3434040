package gerbil.objective;

import gerbil.tokens.TokenSet;

import java.util.SplittableRandom;
import java.util.stream.LongStream;

/**
 * Next-token prediction: the windows of a token set in an order that is a pure function of the seed and the epoch, so
 * that a position in training is the number of sequences seen and nothing else.
 */
public final class CausalSequences {

    private final Windows windows;
    private final long seed;
    private long orderedEpoch = -1;
    private int[] order;

    /**
     * @param length tokens of a sequence
     * @throws gerbil.spec.GerbilException if the set is shorter than one sequence
     */
    public CausalSequences(TokenSet tokens, int length, long seed) {
        windows = new Windows(tokens, length);
        this.seed = seed;
    }

    /** Sequences of one pass over the token set. */
    public int perEpoch() {
        return windows.count();
    }

    /** Sequences {@code first} to {@code first + count - 1} of the endless series of epochs. */
    public Batch batch(long first, int count) {
        return windows.batch(LongStream.range(first, first + count).mapToInt(this::window).toArray());
    }

    private int window(long sequence) {
        long epoch = sequence / perEpoch();
        if (epoch != orderedEpoch) {
            order = shuffled(new SplittableRandom(seed * 1_000_003 + epoch));
            orderedEpoch = epoch;
        }
        return order[(int) (sequence % perEpoch())];
    }

    private int[] shuffled(SplittableRandom random) {
        int[] numbers = new int[perEpoch()];
        for (int i = 0; i < numbers.length; i++) {
            int j = random.nextInt(i + 1);
            numbers[i] = numbers[j];
            numbers[j] = i;
        }
        return numbers;
    }
}
