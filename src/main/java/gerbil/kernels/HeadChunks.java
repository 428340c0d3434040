package gerbil.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How the fused head goes through a batch's logits. On a processor what is made of them at once should stay in its
 * cache, and which is fastest is found by running each. On a GPU few passes over many rows are: with 16,384 they took
 * half the time of blocks at 4,096 rows when both were tried from Python (H100, PyTorch 2.11).
 *
 * @param chunk tokens at once
 * @param block entries of the vocabulary at once; as many as there are, if it is larger; 0 for all of them by a softmax
 *     in place
 */
public record HeadChunks(int chunk, int block) {

    private static final int ALL = Integer.MAX_VALUE;
    private static final List<HeadChunks> CANDIDATES = List.of(new HeadChunks(64, ALL), new HeadChunks(128, ALL),
            new HeadChunks(128, 4_096), new HeadChunks(256, 2_048), new HeadChunks(512, 1_024),
            new HeadChunks(512, 2_048), new HeadChunks(1_024, 1_024), new HeadChunks(1_024, ALL));
    /** A GPU's. */
    public static final HeadChunks GPU = new HeadChunks(16_384, 0);
    private static final int TOKENS = 2_048;
    private static final int ROUNDS = 3;

    /** The fastest for a model in a precision on a manager's device. */
    public static HeadChunks measure(GptJConfig config, Precision precision, NDManager parent) {
        return parent.getDevice().isGpu() ? GPU : fastest(CANDIDATES, config, precision, parent).getKey();
    }

    /** Seconds that the head takes for a token, forward and backward, the fastest of a few rounds. */
    public double secondsPerToken(GptJConfig config, Precision precision, NDManager parent) {
        return fastest(List.of(this), config, precision, parent).getValue() / 1e9 / TOKENS;
    }

    private static Map.Entry<HeadChunks, Long> fastest(List<HeadChunks> candidates, GptJConfig config,
                                                       Precision precision, NDManager parent) {
        try (Kernels kernels = Kernels.load(parent); NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray hidden = parent.randomNormal(new Shape(TOKENS, config.width()));
            NDArray targets = parent.randomInteger(0, config.vocabulary(), new Shape(TOKENS), DataType.INT64);
            NDArray weight = parent.randomNormal(new Shape(config.vocabulary(), config.width()));
            NDArray bias = parent.zeros(new Shape(config.vocabulary()));
            NDArray learned = parent.ones(new Shape(TOKENS));
            Map<HeadChunks, Long> nanoseconds = new HashMap<>();
            // in turn, so that what warms up or disturbs one round does so for all of them
            for (int round = 0; round < ROUNDS; round++) {
                for (HeadChunks chunks : candidates) {
                    NDArray settings = kernels.numbers(type(precision), chunks.chunk, chunks.block);
                    long begin = System.nanoTime();
                    kernels.call("head", false, new Kernels.Arguments().add(hidden).add(targets).add(learned)
                            .add(weight).add(bias).add(settings)).get(0).getFloat(0);
                    nanoseconds.merge(chunks, System.nanoTime() - begin, Math::min);
                }
            }
            return Collections.min(nanoseconds.entrySet(), Map.Entry.comparingByValue());
        }
    }

    /** PyTorch's number of a precision's type. */
    static int type(Precision precision) {
        return switch (precision) {
            case FLOAT16 -> 5;
            case FLOAT32 -> 6;
            case BFLOAT16 -> 15;
        };
    }
}
