package gerbil.seq2seq;

/**
 * A text and its answer as ids, neither with an end of text.
 *
 * @param source at least one
 * @param target at least one
 */
public record Pair(int[] source, int[] target) {

    /** What is read and what is learned, the answer's end of text with it. */
    int tokens() {
        return source.length + target.length + 1;
    }
}
