package gerbil.kernels;

import gerbil.base.GerbilException;
import gerbil.model.GptJ;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;

/** Continues token sequences. */
public final class Generator {

    /** Drawn at once: enough to hide the cost of a call, and few to throw away after the last one wanted. */
    private static final int TOKENS = 32;

    private final GptJ model;
    private final int vocabularySize;
    private final Kernels kernels;
    private final PackedWeights weights;

    /**
     * A generator that keeps keys and values between tokens.
     *
     * @param vocabularySize of the tokenizer: the rows above pad the embedding, stand for no token and are not drawn
     * @throws GerbilException if the model has fewer rows
     */
    public Generator(GptJ model, int vocabularySize) {
        this(model, vocabularySize, vocabularySize);
    }

    /**
     * A generator that draws only some of the tokens that a prompt may have.
     *
     * @param drawn draw only ids below this
     * @throws GerbilException if the model has fewer rows
     */
    public Generator(GptJ model, int vocabularySize, int drawn) {
        if (vocabularySize < 1 || vocabularySize > model.config().vocabulary()) {
            throw new GerbilException("a vocabulary of " + vocabularySize + " entries", "1 to "
                    + model.config().vocabulary()
                    + ", the rows of the model's embedding", "use the vocabulary that the model was trained with");
        }
        this.model = model;
        this.vocabularySize = vocabularySize;
        kernels = Kernels.load(model.manager());
        weights = PackedWeights.of(model, kernels, drawn);
    }

    /**
     * @param prompt at least one token id
     * @param count how many tokens to add at most
     * @param seed of the draws: the same seed gives the same tokens
     * @param stop ends the continuation after a token it holds for, which is kept
     * @return prompt and continuation
     * @throws GerbilException if the prompt is empty or has ids of another vocabulary, or prompt and continuation
     *     exceed the model's context length
     */
    public int[] generate(int[] prompt, int count, Sampling sampling, long seed, IntPredicate stop) {
        if (prompt.length == 0) {
            throw new GerbilException("an empty prompt", "at least one token", "start from <|endoftext|>");
        }
        for (int id : prompt) {
            if (id < 0 || id >= vocabularySize) {
                throw new GerbilException("token " + id + " in the prompt", "ids from 0 to " + (vocabularySize - 1),
                        "encode the prompt with the vocabulary that the model was trained with");
            }
        }
        model.config().requireContext((long) prompt.length + count);
        SplittableRandom random = new SplittableRandom(seed);
        int[] ids = prompt;
        try (FusedDecoder decoder = new FusedDecoder(model, kernels, weights, prompt.length + count, sampling)) {
            while (ids.length < prompt.length + count) {
                double[] draws = random.doubles(Math.min(TOKENS, prompt.length + count - ids.length)).toArray();
                for (int next : decoder.next(ids, draws)) {
                    ids = Arrays.copyOf(ids, ids.length + 1);
                    ids[ids.length - 1] = next;
                    if (stop.test(next)) {
                        return ids;
                    }
                }
            }
        }
        return ids;
    }
}
