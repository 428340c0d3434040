package gerbil.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.spec.GptJConfig;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Several tokens of several sequences in one kernel call, with room for the keys and values of all positions from the
 * start. Sequences end together: a shorter prompt begins later.
 */
final class FusedDecoder implements AutoCloseable {

    /** Added to attention's scores of what is not to be seen. */
    private static final float UNSEEN = -30_000;

    private final Kernels kernels;
    private final PackedWeights weights;
    private final Sampling sampling;
    private final NDManager manager;
    private final NDList caches = new NDList();
    private final NDList rotation;
    private final NDArray padding;
    private long[] unseen;
    private int past;

    /**
     * @param weights of the model
     * @param prompts one at least, of one token at least
     * @param count how many tokens will be drawn for each
     */
    FusedDecoder(GptJ model, Kernels kernels, PackedWeights weights, List<int[]> prompts, int count,
                 Sampling sampling) {
        this.kernels = kernels;
        this.weights = weights;
        this.sampling = sampling;
        GptJConfig config = model.config();
        int batch = prompts.size();
        int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
        int positions = longest + count;
        unseen = new long[batch * longest];
        float[] hidden = new float[batch * positions];
        boolean padded = false;
        for (int row = 0; row < batch; row++) {
            int[] prompt = prompts.get(row);
            int start = longest - prompt.length;
            padded |= start > 0;
            Arrays.fill(hidden, row * positions, row * positions + start, UNSEEN);
            for (int i = 0; i < prompt.length; i++) {
                unseen[row * longest + start + i] = prompt[i];
            }
        }
        manager = model.manager().newSubManager();
        padding = padded ? manager.create(hidden, new Shape(batch, 1, 1, positions)) : manager.create(new float[0]);
        rotation = model.rotary().at(manager, 0, positions).overHeads(2 * config.heads());
        Shape cache = new Shape(batch, positions, 2L * config.width());
        IntStream.range(0, config.layers()).forEach(layer -> caches.add(manager.zeros(cache)));
    }

    /**
     * Continues the sequences.
     *
     * @param draws numbers in [0, 1): for each token to be drawn one a sequence
     * @return the tokens drawn, in the order of the draws
     * @throws GerbilException if the model's logits are not numbers, from weights too large to compute with
     */
    long[] next(double[][] draws) {
        try (NDScope scope = new NDScope();
             IntraOpThreads threads = IntraOpThreads.worth(unseen.length * weights.multiplications())) {
            scope.suppressNotUsedWarning();
            int batch = draws[0].length;
            int length = unseen.length / batch;
            NDList drawn = kernels.call("generate", false, new Kernels.Arguments()
                    .add(manager.create(unseen, new Shape(batch, length))).add(padding).add(weights.embedding())
                    .add(weights.layers()).add(weights.head()).add(caches)
                    .add(rotation.get(0)).add(rotation.get(1))
                    .add(kernels.numbers(Arrays.stream(draws).flatMapToDouble(Arrays::stream).toArray())
                            .reshape(draws.length, batch))
                    .add(kernels.numbers(past, sampling.temperature(), sampling.topK(), sampling.topP())));
            past += length + draws.length - 1;
            if (!drawn.get(1).getBoolean()) {
                throw new GerbilException("logits that are not numbers, by token " + past, "numbers to draw from",
                        "take an earlier checkpoint of the model, or train it at a lower learning rate");
            }
            long[] ids = drawn.get(0).toLongArray();
            unseen = Arrays.copyOfRange(ids, ids.length - batch, ids.length);
            return ids;
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
