package gerbil.kernels;

import gerbil.base.GerbilException;
import gerbil.model.GptJ;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Continues token sequences, with the model's weights as they are when it is made: after a step of training a new one
 * is needed. It is closed with the model, if not before.
 */
public final class Generator implements AutoCloseable {

    /** Drawn at once: enough to hide the cost of a call, and few to throw away after the last one wanted. */
    private static final int TOKENS = 32;
    /** Of all sequences that are continued at once: what keys and values have room for. */
    private static final int POSITIONS = 8_192;

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
        weights = PackedWeights.of(model, kernels, drawn, true);
    }

    /**
     * What to continue, and until when.
     *
     * @param ids at least one token id
     * @param seed of the draws: the same seed gives the same tokens
     * @param stop ends the continuation after a token it holds for, which is kept
     */
    public record Prompt(int[] ids, long seed, IntPredicate stop) {
    }

    /**
     * Continues one prompt, as {@link Prompt} says.
     *
     * @param count how many tokens to add at most
     * @return prompt and continuation
     * @throws GerbilException if the prompt is empty or has ids of another vocabulary, or prompt and continuation
     *     exceed the model's context length
     */
    public int[] generate(int[] ids, int count, Sampling sampling, long seed, IntPredicate stop) {
        return generate(List.of(new Prompt(ids, seed, stop)), count, sampling).get(0);
    }

    /**
     * Continues several prompts at once, in much less time than one after another. A text's numbers then differ from
     * those of the text by itself in rounding, and its tokens where two are as likely to within that.
     *
     * @param count how many tokens to add to each at most
     * @return for each prompt it and its continuation
     * @throws GerbilException if a prompt is empty or has ids of another vocabulary, if the count is negative, or if
     *     prompt and continuation exceed the model's context length
     */
    public List<int[]> generate(List<Prompt> prompts, int count, Sampling sampling) {
        if (count < 0) {
            throw new GerbilException(count + " tokens to add", "a number from 0", "raise it");
        }
        prompts.forEach(prompt -> check(prompt.ids, count));
        int longest = prompts.stream().mapToInt(prompt -> prompt.ids.length).max().orElse(0);
        int atOnce = Math.max(1, POSITIONS / (longest + count));
        List<int[]> continued = new ArrayList<>();
        for (int first = 0; first < prompts.size(); first += atOnce) {
            int end = Math.min(first + atOnce, prompts.size());
            continued.addAll(together(prompts.subList(first, end), count, sampling));
        }
        return continued;
    }

    private void check(int[] prompt, int count) {
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
    }

    private List<int[]> together(List<Prompt> prompts, int count, Sampling sampling) {
        int batch = prompts.size();
        List<SplittableRandom> random = prompts.stream().map(prompt -> new SplittableRandom(prompt.seed)).toList();
        List<IntStream.Builder> added = prompts.stream().map(prompt -> IntStream.builder()).toList();
        BitSet going = new BitSet(batch);
        going.set(0, batch);
        try (FusedDecoder decoder = new FusedDecoder(model, kernels, weights,
                prompts.stream().map(Prompt::ids).toList(), count, sampling)) {
            for (int done = 0; done < count && !going.isEmpty(); done += TOKENS) {
                double[][] draws = new double[Math.min(TOKENS, count - done)][batch];
                for (double[] ofToken : draws) {
                    Arrays.setAll(ofToken, row -> random.get(row).nextDouble());
                }
                long[] drawn = decoder.next(draws);
                for (int i = 0; i < drawn.length; i++) {
                    int row = i % batch;
                    int id = Math.toIntExact(drawn[i]);
                    if (going.get(row)) {
                        added.get(row).add(id);
                        if (prompts.get(row).stop.test(id)) {
                            going.clear(row);
                        }
                    }
                }
            }
        }
        return IntStream.range(0, batch).mapToObj(row -> IntStream.concat(IntStream.of(prompts.get(row).ids),
                added.get(row).build()).toArray()).toList();
    }

    @Override
    public void close() {
        weights.close();
        kernels.close();
    }
}
