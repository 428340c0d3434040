package gerbil.objective;

import gerbil.tokens.TokenSet;

import java.util.stream.LongStream;

/**
 * Next-token prediction: the windows of a token set in an order that is a pure function of the seed and the epoch.
 */
public final class CausalSequences implements Sequences {

    private final Windows windows;
    private final long seed;
    private long orderedEpoch = -1;
    private int[] order;

    /**
     * @param length tokens of a sequence
     * @throws gerbil.base.GerbilException if the set is shorter than one sequence
     */
    public CausalSequences(TokenSet tokens, int length, long seed) {
        windows = new Windows(tokens, length);
        this.seed = seed;
    }

    @Override
    public int perEpoch() {
        return windows.count();
    }

    @Override
    public int groups() {
        return 1;
    }

    @Override
    public long position(long sequence) {
        return windows.position(window(sequence));
    }

    @Override
    public Batch batch(long first, int count) {
        return windows.batch(LongStream.range(first, first + count).mapToInt(this::window).toArray());
    }

    private int window(long sequence) {
        long epoch = sequence / perEpoch();
        if (epoch != orderedEpoch) {
            order = ShuffledOrder.of(perEpoch(), seed, epoch);
            orderedEpoch = epoch;
        }
        return order[(int) (sequence % perEpoch())];
    }
}
