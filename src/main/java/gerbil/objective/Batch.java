package gerbil.objective;

import java.util.Arrays;

/**
 * Sequences of one forward pass, row after row.
 *
 * @param sequences rows
 * @param length tokens of a row
 * @param inputs token ids, {@code sequences * length}
 * @param targets the id that follows each input
 * @param groups what each target is learned for: of a Blender batch the ordinal of its {@link
 *     gerbil.spec.BlendedObjective}, of a causal batch 0; {@link #MASKED} if it is not learned
 */
public record Batch(int sequences, int length, long[] inputs, long[] targets, long[] groups) {

    /** The group of a target that is not learned. */
    public static final long MASKED = -1;

    /** A causal batch: every target is learned. */
    public Batch(int sequences, int length, long[] inputs, long[] targets) {
        this(sequences, length, inputs, targets, new long[targets.length]);
    }

    /** How many targets are learned in a group. */
    public int learned(long group) {
        return (int) Arrays.stream(groups).filter(g -> g == group).count();
    }
}
