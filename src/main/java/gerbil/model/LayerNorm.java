package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;

/** LayerNorm with scale and bias over the last dimension. */
final class LayerNorm {

    private final Parameter weight;
    private final Parameter bias;

    LayerNorm(String prefix, GptJ model) {
        weight = model.parameter(prefix + "weight");
        bias = model.parameter(prefix + "bias");
    }

    /** x and the result: (..., width). */
    NDArray forward(NDArray x) {
        return ai.djl.nn.norm.LayerNorm.layerNorm(x, new Shape(x.getShape().getLastDimension()), weight.getArray(),
                bias.getArray(), GptJ.LAYER_NORM_EPSILON).singletonOrThrow();
    }
}
