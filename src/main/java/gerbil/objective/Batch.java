package gerbil.objective;

/**
 * Sequences of one forward pass, row after row.
 *
 * @param sequences rows
 * @param length tokens of a row
 * @param inputs token ids, {@code sequences * length}
 * @param targets the id that follows each input
 */
public record Batch(int sequences, int length, long[] inputs, long[] targets) {
}
