package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;

import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How the fused head goes through a batch's tokens. On a processor a chunk's logits should stay in its cache; on a GPU few
 * large chunks keep it busy. Which is fastest is found by running each.
 *
 * @param chunk tokens whose logits are made at once
 * @param group chunks whose gradients of the weight are one product
 */
public record HeadChunks(int chunk, int group) {

    private static final List<HeadChunks> CANDIDATES = List.of(new HeadChunks(64, 4), new HeadChunks(128, 2),
            new HeadChunks(128, 8), new HeadChunks(256, 2), new HeadChunks(256, 8), new HeadChunks(1_024, 1));
    /** As many as a pass has: with fewer, the products of a group look cheaper than they are. */
    private static final int TOKENS = 4_096;
    private static final int ROUNDS = 3;

    /** The fastest candidate for a model in a precision on a manager's device. */
    public static HeadChunks measure(GptJConfig config, Precision precision, NDManager parent) {
        try (Kernels kernels = Kernels.load(parent); NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            NDArray hidden = parent.randomNormal(new Shape(TOKENS, config.width()));
            NDArray targets = parent.randomInteger(0, config.vocabulary(), new Shape(TOKENS), DataType.INT64);
            NDArray weight = parent.randomNormal(new Shape(config.vocabulary(), config.width()));
            NDArray bias = parent.zeros(new Shape(config.vocabulary()));
            // in turn, so that what warms up or disturbs one round does so for all of them
            Map<HeadChunks, Long> fastest = new HashMap<>();
            for (int round = 0; round < ROUNDS; round++) {
                for (HeadChunks chunks : CANDIDATES) {
                    NDArray settings = chunks.settings(parent, precision);
                    fastest.merge(chunks, nanoseconds(() -> kernels.call("measure_head", false,
                            new Kernels.Arguments().add(hidden).add(targets).add(weight).add(bias).add(settings))
                            .singletonOrThrow().getFloat()), Math::min);
                }
            }
            return Collections.min(CANDIDATES, Comparator.comparing(fastest::get));
        }
    }

    private static long nanoseconds(Runnable work) {
        long begin = System.nanoTime();
        work.run();
        return System.nanoTime() - begin;
    }

    /** As the kernels take them: the number of the type in PyTorch, chunk, group. */
    NDArray settings(NDManager manager, Precision precision) {
        int type = switch (precision) {
            case FLOAT16 -> 5;
            case FLOAT32 -> 6;
            case BFLOAT16 -> 15;
        };
        return manager.create(new int[] {type, chunk, group});
    }
}
