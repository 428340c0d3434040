package gerbil.kernels;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.spec.GptJConfig;

import java.util.Arrays;
import java.util.stream.IntStream;

/** Several tokens in one kernel call, with room for the keys and values of all positions from the start. */
final class FusedDecoder implements AutoCloseable {

    private final Kernels kernels;
    private final PackedWeights weights;
    private final Sampling sampling;
    private final NDManager manager;
    private final NDList caches = new NDList();
    private final NDList rotation;
    private int past;

    /**
     * @param weights of the model
     * @param length of the sequence at its end
     */
    FusedDecoder(GptJ model, Kernels kernels, PackedWeights weights, int length, Sampling sampling) {
        this.kernels = kernels;
        this.weights = weights;
        this.sampling = sampling;
        GptJConfig config = model.config();
        manager = model.manager().newSubManager();
        rotation = model.rotary().at(manager, 0, length).overHeads(2 * config.heads());
        Shape cache = new Shape(2, 1, config.heads(), length, config.headDim());
        IntStream.range(0, config.layers()).forEach(layer -> caches.add(manager.zeros(cache)));
    }

    /**
     * Continues a sequence.
     *
     * @param ids the sequence so far: that of the last call, what it returned, or more
     * @param draws numbers in [0, 1), one a token to be drawn
     * @return the tokens drawn
     * @throws GerbilException if the model's logits are not numbers, from weights too large to compute with
     */
    int[] next(int[] ids, double[] draws) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            long[] unseen = Arrays.stream(ids, past, ids.length).asLongStream().toArray();
            NDList drawn = kernels.call("generate", false, new Kernels.Arguments()
                    .add(manager.create(unseen)).add(weights.embedding()).add(weights.layers())
                    .add(weights.head()).add(caches)
                    .add(rotation.get(0)).add(rotation.get(1))
                    .add(kernels.numbers(draws))
                    .add(kernels.numbers(past, sampling.temperature(), sampling.topK(), sampling.topP())));
            past = ids.length + draws.length - 1;
            if (!drawn.get(1).getBoolean()) {
                throw new GerbilException("logits that are not numbers, by token " + past, "numbers to draw from",
                        "take an earlier checkpoint of the model, or train it at a lower learning rate");
            }
            return Arrays.stream(drawn.get(0).toLongArray()).mapToInt(Math::toIntExact).toArray();
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
