package gerbil.eval;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import gerbil.model.CrossEntropy;
import gerbil.model.GptJ;
import gerbil.objective.Batch;
import gerbil.objective.Windows;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.TokenSet;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Cross-entropy on held-out text: every token but the first is predicted once, from at most {@code length - 1} tokens
 * before it in its window. A Blender model sees the windows as it was trained to: with {@code <causal>} where a window
 * or a document begins, in place of the window's first token and of each {@code <|endoftext|>}. It has to predict the
 * same tokens, so that its loss can be compared with a causal model's.
 *
 * @param tokens predicted
 * @param bytes of text they spell; {@code <|endoftext|>} spells none
 * @param nats summed over the tokens
 */
public record HeldOutLoss(long tokens, long bytes, double nats) {

    /** Logits that are in memory at once. */
    private static final int LOGITS = 1 << 22;

    /**
     * @param vocabulary the model's: a Blender model's has special tokens
     * @param length tokens of a window
     * @param limit predict at most about this many tokens, from the beginning of the set
     * @throws gerbil.base.GerbilException if the set is shorter than one window or of another vocabulary
     */
    public static HeldOutLoss of(GptJ model, TokenSet set, Vocabulary vocabulary, int length, long limit) {
        set.requireVocabulary(vocabulary);
        Windows windows = new Windows(set, length);
        int rows = Math.max(1, LOGITS / length / model.config().vocabulary());
        int count = (int) Math.max(1, Math.min(windows.count(), limit / length));
        long bytes = 0;
        double nats = 0;
        for (int first = 0; first < count; first += rows) {
            Batch batch = windows.batch(IntStream.range(first, Math.min(first + rows, count)).toArray());
            bytes += Arrays.stream(batch.targets()).filter(id -> id != vocabulary.endOfText())
                    .map(id -> vocabulary.bytes((int) id).length).sum();
            if (vocabulary.hasSpecialTokens()) {
                tag(batch, vocabulary);
            }
            nats += nats(model, batch);
        }
        return new HeldOutLoss((long) count * length, bytes, nats);
    }

    private static void tag(Batch batch, Vocabulary vocabulary) {
        for (int i = 0; i < batch.inputs().length; i++) {
            if (i % batch.length() == 0 || batch.inputs()[i] == vocabulary.endOfText()) {
                batch.inputs()[i] = vocabulary.id(SpecialToken.CAUSAL);
            }
        }
    }

    private static double nats(GptJ model, Batch batch) {
        Shape shape = new Shape(batch.sequences(), batch.length());
        try (NDScope ignored = new NDScope(); NDManager scratch = model.manager().newSubManager()) {
            NDArray logits = model.logits(scratch.create(batch.inputs(), shape));
            return CrossEntropy.each(logits, scratch.create(batch.targets(), shape)).sum().getFloat();
        }
    }

    /** Nats a token. */
    public double loss() {
        return nats / tokens;
    }

    /** Bits a byte of text: what vocabularies of different sizes can be compared by. */
    public double bitsPerByte() {
        return nats / Math.log(2) / bytes;
    }
}
