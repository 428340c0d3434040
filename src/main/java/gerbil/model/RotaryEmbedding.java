package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.spec.GptJConfig;

/**
 * Rotary position embedding (Su et al. 2021) as in GPT-J: dimensions 2i and 2i+1 of the first {@code rotaryDim} of each
 * head are turned by position x 10000^(-2i/rotaryDim). A pair (a, b) becomes (a cos - b sin, b cos + a sin), so a head
 * becomes {@code x * cos + (x P) * sin}, where P is the constant matrix that takes (a, b) to (-b, a). The other
 * dimensions have cos 1 and sin 0.
 */
public final class RotaryEmbedding {

    private static final double BASE = 10_000;

    private final NDArray cos;
    private final NDArray sin;
    private final NDArray quarterTurn;

    RotaryEmbedding(NDManager manager, GptJConfig config) {
        int rotaryDim = config.rotaryDim();
        Shape rest = new Shape(config.contextLength(), config.headDim() - rotaryDim);
        try (NDScope scope = new NDScope()) {
            // float32 arithmetic throughout, as in PyTorch: a more exact table would not be the published models'
            NDArray pairs = manager.arange(0, rotaryDim, 2, DataType.FLOAT32).div(rotaryDim);
            NDArray frequencies = NDArrays.div(1, NDArrays.pow(BASE, pairs));
            NDArray angles = manager.arange(0, config.contextLength(), 1, DataType.FLOAT32).reshape(-1, 1)
                    .mul(frequencies).repeat(1, 2);
            cos = angles.cos().concat(manager.ones(rest), 1);
            sin = angles.sin().concat(manager.zeros(rest), 1);
            NDScope.unregister(cos, sin);
            scope.suppressNotUsedWarning();
        }
        quarterTurn = manager.create(quarterTurn(config), new Shape(config.headDim(), config.headDim()));
    }

    private static float[] quarterTurn(GptJConfig config) {
        float[] turn = new float[config.headDim() * config.headDim()];
        for (int even = 0; even < config.rotaryDim(); even += 2) {
            turn[(even + 1) * config.headDim() + even] = -1;
            turn[even * config.headDim() + even + 1] = 1;
        }
        return turn;
    }

    /** The rotation of the tokens at positions {@code first} to {@code first + length}. */
    public Rotation at(NDManager target, int first, long length) {
        NDIndex rows = new NDIndex("{}:{}", first, first + length);
        return new Rotation(cos.get(target, rows), sin.get(target, rows), quarterTurn);
    }

    /** cos and sin: (length, headDim). */
    public record Rotation(NDArray cos, NDArray sin, NDArray quarterTurn) {

        /** cos and sin for some heads at once: (length, heads, headDim) each. */
        public NDList overHeads(int heads) {
            return new NDList(cos.expandDims(1).repeat(1, heads), sin.expandDims(1).repeat(1, heads));
        }

        /** x and the result: (batch, heads, length, headDim). */
        NDArray rotate(NDArray x) {
            return x.mul(cos).add(x.matMul(quarterTurn).mul(sin));
        }
    }
}
