package gerbil.train;

import gerbil.objective.CausalSequences;
import gerbil.spec.GptJConfig;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import gerbil.tokens.TokenSet;

import java.util.OptionalLong;
import java.util.stream.IntStream;

/**
 * What a run will take on this device.
 *
 * @param spec of the run
 * @param microBatch sequences computed at once
 * @param epochs passes over the token set
 * @param secondsPerStep measured on this device
 * @param peakMemory of the process during the measured step, bytes; empty where the system does not tell
 */
public record BudgetPlan(RunSpec spec, int microBatch, double epochs, double secondsPerStep, OptionalLong peakMemory) {

    /** Logits of one micro-batch may take this many bytes; the pass needs a few times as much. */
    private static final long LOGITS_BYTES = 64L << 20;
    private static final int MEASURED = 3;

    /** Measures a step of the run on this device with a model of its own and the token set's text. */
    public static BudgetPlan measure(RunSpec spec, TokenSet tokens, TrainingPath path) {
        CausalSequences data = new CausalSequences(tokens, spec.sequenceLength(), spec.seed());
        int microBatch = microBatch(spec);
        try (TrainingSetup setup = TrainingSetup.of(spec, path, microBatch)) {
            setup.step().backward(data, 0, microBatch);
            setup.optimizer().step(0);
            long begin = System.nanoTime();
            setup.step().backward(data, microBatch, microBatch * MEASURED);
            long backward = System.nanoTime();
            setup.optimizer().step(0);
            long end = System.nanoTime();
            double passes = (double) spec.batchSequences() / microBatch / MEASURED;
            double seconds = ((backward - begin) * passes + end - backward) / 1e9;
            double epochs = (double) spec.steps() * spec.batchSequences() / data.perEpoch();
            return new BudgetPlan(spec, microBatch, epochs, seconds, Hardware.peakMemory());
        }
    }

    /** The largest micro-batch that divides the batch and whose logits are small enough. */
    static int microBatch(RunSpec spec) {
        GptJConfig config = spec.config();
        long bytesPerSequence = 4L * spec.sequenceLength() * config.vocabulary();
        return IntStream.rangeClosed(1, spec.batchSequences())
                .filter(m -> spec.batchSequences() % m == 0 && (m == 1 || m * bytesPerSequence <= LOGITS_BYTES))
                .max().orElseThrow();
    }

    /** Micro-batches of one step. */
    public int accumulation() {
        return spec.batchSequences() / microBatch;
    }

    /** Estimated time of the whole run. */
    public double seconds() {
        return secondsPerStep * spec.steps();
    }

    /** Speed of the measured step. */
    public double tokensPerSecond() {
        return spec.batchTokens() / secondsPerStep;
    }
}
