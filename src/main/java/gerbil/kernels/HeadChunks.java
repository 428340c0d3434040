package gerbil.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;

/**
 * How the fused head goes through a batch's logits: by a rule, and not by what is fastest when a run is begun, since
 * the last bits depend on it, and equal runs are to be equal. On a processor what is made of them at once should stay
 * in its cache. On a GPU few passes over many rows are faster: with 16,384 they took half the time of blocks at 4,096
 * rows when both were tried from Python (H100, PyTorch 2.11).
 *
 * @param chunk tokens at once
 * @param block entries of the vocabulary at once; as many as there are, if it is larger; 0 for all of them by a softmax
 *     in place
 */
public record HeadChunks(int chunk, int block) {

    /**
     * A processor's: 2 MB of logits in bfloat16, and of nano's 1,024 entries in float32. Of eleven choices from 256 to
     * 1,024 tokens and 512 to 8,192 entries none was more than 6 % faster at widths 64 and 256 in bfloat16, and none of
     * six at width 32 (2 threads); at nano it was as fast as half the tokens (1 thread; AMD EPYC).
     */
    public static final HeadChunks PROCESSOR = new HeadChunks(512, 2_048);
    /** A GPU's. */
    public static final HeadChunks GPU = new HeadChunks(16_384, 0);
    private static final int TOKENS = 2_048;
    private static final int ROUNDS = 3;

    /** Seconds that the head takes for a token, forward and backward, the fastest of a few rounds. */
    public double secondsPerToken(GptJConfig config, Precision precision, NDManager parent) {
        try (Kernels kernels = Kernels.load(parent); NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray hidden = parent.randomNormal(new Shape(TOKENS, config.width()));
            NDArray targets = parent.randomInteger(0, config.vocabulary(), new Shape(TOKENS), DataType.INT64);
            NDArray weight = parent.randomNormal(0, 0.02f, new Shape(config.vocabulary(), config.width()),
                    DataType.FLOAT32);
            NDArray bias = parent.zeros(new Shape(config.vocabulary()));
            NDArray learned = parent.ones(new Shape(TOKENS));
            NDArray settings = kernels.numbers(type(precision), chunk, block);
            long fastest = Long.MAX_VALUE;
            for (int round = 0; round < ROUNDS; round++) {
                long begin = System.nanoTime();
                kernels.call("head", false, new Kernels.Arguments().add(hidden).add(targets).add(learned)
                        .add(weight).add(bias).add(settings)).get(0).getFloat(0);
                fastest = Math.min(fastest, System.nanoTime() - begin);
            }
            return fastest / 1e9 / TOKENS;
        }
    }

    /** PyTorch's number of a precision's type. */
    public static int type(Precision precision) {
        return switch (precision) {
            case FLOAT16 -> 5;
            case FLOAT32 -> 6;
            case BFLOAT16 -> 15;
        };
    }
}
