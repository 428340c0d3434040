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
 * A model's weights as products of few rows read them fastest, until it is closed: what a layer multiplies its input with
 * is one matrix, and so is what makes its output. What needs no packing is in part the model's own, so that after a step
 * of training all is to be packed anew.
 *
 * @param manager of the copies
 * @param embedding the model's own
 * @param layers what the kernel {@code packed_for_tokens} makes
 * @param head the last LayerNorm's weight and bias, and the head's; where it is large, also what the kernel
 *     {@code quantized} makes of it
 * @param multiplications of one token with all of them, about
 */
record PackedWeights(NDManager manager, NDArray embedding, NDList layers, NDList head, long multiplications)
        implements AutoCloseable {

    /** Weights of a head that take longer to read than it takes to choose among their logits. */
    private static final int LARGE = 4_000_000;
    /** PyTorch's product of 8 bits reads so many at once, and past the end of a row of another width. */
    private static final int WIDTH_MULTIPLE = 32;

    /**
     * Weights as they are now.
     *
     * @param entries of the head: ids below this
     * @param quantize a large head too, to find the likeliest entries by; not on a GPU, where it would save nothing
     */
    static PackedWeights of(GptJ model, Kernels kernels, int entries, boolean quantize) {
        Map<String, NDArray> weights = model.weights();
        NDManager manager = model.manager().newSubManager();
        NDIndex rows = new NDIndex(":{}", entries);
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDList layers = kernels.call("packed_for_tokens", false, new Kernels.Arguments().add(model.tensors())
                    .add(kernels.numbers(model.config().headDim())));
            NDArray headWeight = model.headWeight().get(rows);
            NDList head = new NDList(weights.get(GptJTensors.FINAL_NORM + "weight").duplicate(),
                    weights.get(GptJTensors.FINAL_NORM + "bias").duplicate(),
                    kernels.call("prepared", false, new Kernels.Arguments().add(headWeight)).singletonOrThrow(),
                    weights.get(GptJTensors.HEAD_BIAS).get(rows).duplicate());
            if (quantize && headWeight.size() >= LARGE && model.config().width() % WIDTH_MULTIPLE == 0
                    && !headWeight.getDevice().isGpu()) {
                head.addAll(kernels.call("quantized", false, new Kernels.Arguments().add(headWeight)));
            }
            for (NDList kept : List.of(layers, head)) {
                NDScope.unregister(kept);
                kept.attach(manager);
            }
            return new PackedWeights(manager, weights.get(GptJTensors.EMBEDDING), layers, head,
                    model.config().bodyParameters() + headWeight.size());
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
