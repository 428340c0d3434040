package gerbil.objective;

import java.util.Arrays;

/**
 * Sequences of one forward pass, row after row.
 *
 * @param sequences rows
 * @param length tokens of a row
 * @param inputs token ids, {@code sequences * length}
 * @param targets the id that follows each input
 * @param objectives which {@link gerbil.spec.BlendedObjective} each target is learned for, its ordinal, or {@link #NONE};
 *     null if the batch is causal and all are learned
 */
public record Batch(int sequences, int length, long[] inputs, long[] targets, long[] objectives) {

    /** The objective of a target that is not learned. */
    public static final long NONE = -1;

    /** A causal batch. */
    public Batch(int sequences, int length, long[] inputs, long[] targets) {
        this(sequences, length, inputs, targets, null);
    }

    /** How many targets are learned. */
    public int learned() {
        return objectives == null ? targets.length : (int) Arrays.stream(objectives).filter(o -> o != NONE).count();
    }

    /** How many targets are learned for one objective of a batch that is not causal. */
    public int learned(long objective) {
        return (int) Arrays.stream(objectives).filter(o -> o == objective).count();
    }
}
