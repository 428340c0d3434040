package gerbil.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;
import gerbil.spec.GptJConfig;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Several tokens in one kernel call, with room for the keys and values of all positions from the start. What a layer
 * multiplies its input with is packed into one matrix once, and so is what makes its output.
 */
final class FusedDecoder implements AutoCloseable {

    private final Kernels kernels;
    private final Sampling sampling;
    private final NDManager manager;
    private final NDArray embedding;
    private final NDList layers;
    private final NDList head;
    private final NDList caches = new NDList();
    private final NDList rotation;
    private int past;

    /**
     * @param drawn draw only ids below this
     */
    FusedDecoder(GptJ model, Kernels kernels, int drawn, Sampling sampling) {
        this.kernels = kernels;
        this.sampling = sampling;
        GptJConfig config = model.config();
        manager = model.manager().newSubManager();
        Map<String, NDArray> weights = model.weights();
        embedding = weights.get(GptJTensors.EMBEDDING);
        rotation = model.rotary().at(manager, 0, config.contextLength()).overHeads(2 * config.heads());
        Shape cache = new Shape(2, 1, config.heads(), config.contextLength(), config.headDim());
        IntStream.range(0, config.layers()).forEach(layer -> caches.add(manager.zeros(cache)));
        NDIndex rows = new NDIndex(":{}", drawn);
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            layers = kernels.call("packed_for_tokens", false, new Kernels.Arguments().add(model.tensors()));
            NDArray columns = model.headWeight().get(rows).transpose();
            head = new NDList(weights.get(GptJTensors.FINAL_NORM + "weight").duplicate(),
                    weights.get(GptJTensors.FINAL_NORM + "bias").duplicate(),
                    columns.flatten().reshape(columns.getShape()),
                    weights.get(GptJTensors.HEAD_BIAS).get(rows).duplicate());
            for (NDList kept : List.of(layers, head)) {
                NDScope.unregister(kept);
                kept.attach(manager);
            }
        }
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
                    .add(manager.create(unseen)).add(embedding).add(layers).add(head).add(caches)
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
