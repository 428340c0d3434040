package gerbil.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;

import java.util.List;
import java.util.Map;

/**
 * A copy, until it is closed, of a model's weights for one token at a time: what a layer multiplies its input with is
 * one matrix, and so is what makes its output, each in the order in which a vector is multiplied with it.
 *
 * @param manager of the copies
 * @param embedding the model's own
 * @param layers what the kernel {@code packed_for_tokens} makes
 * @param head the last LayerNorm's weight and bias, and the head's (width, entries) and (entries)
 */
record PackedWeights(NDManager manager, NDArray embedding, NDList layers, NDList head) implements AutoCloseable {

    /**
     * Weights as they are now.
     *
     * @param drawn entries of the head: ids below this
     */
    static PackedWeights of(GptJ model, Kernels kernels, int drawn) {
        Map<String, NDArray> weights = model.weights();
        NDManager manager = model.manager().newSubManager();
        NDIndex rows = new NDIndex(":{}", drawn);
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDList layers = kernels.call("packed_for_tokens", false, new Kernels.Arguments().add(model.tensors()));
            NDArray columns = model.headWeight().get(rows).transpose();
            NDList head = new NDList(weights.get(GptJTensors.FINAL_NORM + "weight").duplicate(),
                    weights.get(GptJTensors.FINAL_NORM + "bias").duplicate(),
                    columns.flatten().reshape(columns.getShape()),
                    weights.get(GptJTensors.HEAD_BIAS).get(rows).duplicate());
            for (NDList kept : List.of(layers, head)) {
                NDScope.unregister(kept);
                kept.attach(manager);
            }
            return new PackedWeights(manager, weights.get(GptJTensors.EMBEDDING), layers, head);
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
