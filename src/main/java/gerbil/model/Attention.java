package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import gerbil.spec.GptJConfig;

import java.util.function.Function;

/** Attention without biases: of a sequence to itself with rotary positions, or to another sequence without any. */
final class Attention {

    private final GptJConfig config;
    private final Parameter query;
    private final Parameter key;
    private final Parameter value;
    private final Parameter output;

    Attention(GptJConfig config, String prefix, Function<String, Parameter> parameters) {
        this.config = config;
        key = parameters.apply(prefix + "k_proj.weight");
        value = parameters.apply(prefix + "v_proj.weight");
        query = parameters.apply(prefix + "q_proj.weight");
        output = parameters.apply(prefix + "out_proj.weight");
    }

    /**
     * @param x (batch, length, width), as the result
     * @param mask added to the scores: (length, length), or what becomes (batch, heads, length, length)
     */
    NDArray forward(NDArray x, RotaryEmbedding.Rotation rotation, NDArray mask) {
        return attended(rotation.rotate(heads(x, query)), rotation.rotate(heads(x, key)), heads(x, value), mask);
    }

    /**
     * Attends to another sequence.
     *
     * @param x (batch, length, width), as the result
     * @param memory what is attended to, (batch, its length, width)
     * @param mask as above, with the other's length last
     */
    NDArray across(NDArray x, NDArray memory, NDArray mask) {
        return attended(heads(x, query), heads(memory, key), heads(memory, value), mask);
    }

    private NDArray attended(NDArray q, NDArray k, NDArray v, NDArray mask) {
        NDArray scores = q.matMul(k.swapAxes(2, 3)).div(GptJ.number(q, Math.sqrt(config.headDim())));
        NDArray mixed = scores.add(mask).softmax(-1).matMul(v);
        Shape shape = q.getShape();
        return Linear.linear(mixed.transpose(0, 2, 1, 3).reshape(shape.get(0), shape.get(2), -1), output.getArray())
                .singletonOrThrow();
    }

    /** (batch, length, width) to (batch, heads, length, headDim). */
    private NDArray heads(NDArray x, Parameter projection) {
        Shape shape = x.getShape();
        return Linear.linear(x, projection.getArray()).singletonOrThrow()
                .reshape(shape.get(0), shape.get(1), config.heads(), config.headDim())
                .transpose(0, 2, 1, 3);
    }
}
