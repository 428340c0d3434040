package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;

/** The feed-forward half of a layer: to four times the width, {@code gelu_new}, and back. */
final class Mlp {

    private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

    private final Parameter inWeight;
    private final Parameter inBias;
    private final Parameter outWeight;
    private final Parameter outBias;

    Mlp(String prefix, GptJ model) {
        inWeight = model.parameter(prefix + "fc_in.weight");
        inBias = model.parameter(prefix + "fc_in.bias");
        outWeight = model.parameter(prefix + "fc_out.weight");
        outBias = model.parameter(prefix + "fc_out.bias");
    }

    /** x and the result: (batch, length, width). */
    NDArray forward(NDArray x) {
        NDArray inner = geluNew(Linear.linear(x, inWeight.getArray(), inBias.getArray()).singletonOrThrow());
        return Linear.linear(inner, outWeight.getArray(), outBias.getArray()).singletonOrThrow();
    }

    /** The tanh approximation of GELU (Hendrycks and Gimpel 2016), transformers' {@code gelu_new}. */
    private static NDArray geluNew(NDArray x) {
        NDArray cubic = x.mul(x).mul(x).mul(GptJ.number(x, 0.044715));
        NDArray inner = cubic.add(x).mul(GptJ.number(x, SQRT_2_OVER_PI));
        return x.mul(GptJ.number(x, 0.5)).mul(inner.tanh().add(1));
    }
}
