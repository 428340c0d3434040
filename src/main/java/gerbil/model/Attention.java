package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import gerbil.spec.GptJConfig;

/** Causal self-attention with rotary positions and no biases. */
final class Attention {

    private final GptJConfig config;
    private final Parameter query;
    private final Parameter key;
    private final Parameter value;
    private final Parameter output;

    Attention(GptJConfig config, String prefix, GptJ model) {
        this.config = config;
        key = model.parameter(prefix + "k_proj.weight");
        value = model.parameter(prefix + "v_proj.weight");
        query = model.parameter(prefix + "q_proj.weight");
        output = model.parameter(prefix + "out_proj.weight");
    }

    /**
     * @param x (batch, length, width), as the result
     * @param mask (length, length), added to the scores
     */
    NDArray forward(NDArray x, RotaryEmbedding.Rotation rotation, NDArray mask) {
        NDArray q = rotation.rotate(heads(x, query));
        NDArray k = rotation.rotate(heads(x, key));
        NDArray v = heads(x, value);
        NDArray scores = q.matMul(k.swapAxes(2, 3)).div(GptJ.number(x, Math.sqrt(config.headDim())));
        NDArray mixed = scores.add(mask).softmax(-1).matMul(v);
        return Linear.linear(mixed.transpose(0, 2, 1, 3).reshape(x.getShape()), output.getArray()).singletonOrThrow();
    }

    /** (batch, length, width) to (batch, heads, length, headDim). */
    private NDArray heads(NDArray x, Parameter projection) {
        Shape shape = x.getShape();
        return Linear.linear(x, projection.getArray()).singletonOrThrow()
                .reshape(shape.get(0), shape.get(1), config.heads(), config.headDim())
                .transpose(0, 2, 1, 3);
    }
}
