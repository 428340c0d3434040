package gerbil.model;

import ai.djl.ndarray.NDArray;
import gerbil.spec.GptJConfig;

/** One layer of GPT-J: {@code x + attention(norm(x)) + mlp(norm(x))}. */
final class DecoderLayer {

    private final LayerNorm norm;
    private final Attention attention;
    private final Mlp mlp;

    DecoderLayer(GptJConfig config, String prefix, GptJ model) {
        norm = new LayerNorm(prefix + "ln_1.", model);
        attention = new Attention(config, prefix + "attn.", model::parameter);
        mlp = new Mlp(prefix + "mlp.", model);
    }

    /**
     * @param x (batch, length, width), as the result
     * @param mask as {@link Attention#forward}
     */
    NDArray forward(NDArray x, RotaryEmbedding.Rotation rotation, NDArray mask) {
        NDArray normed = normed(x);
        return attention.forward(normed, rotation, mask).add(mlp.forward(normed)).add(x);
    }

    /** What attention and MLP see of x. */
    NDArray normed(NDArray x) {
        return norm.forward(x);
    }
}
