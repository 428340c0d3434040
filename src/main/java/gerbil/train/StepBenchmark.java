package gerbil.train;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import gerbil.kernels.HeadChunks;
import gerbil.model.Devices;
import gerbil.objective.Sequences;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.TokenSet;
import org.apache.commons.math3.stat.StatUtils;

import java.util.List;
import java.util.stream.DoubleStream;

/**
 * Training steps of one micro-batch each, timed: batch, forward and backward pass, clipping and AdamW.
 *
 * @param size name of the model size
 * @param settings how the step is computed
 * @param sequenceLength tokens of a sequence
 * @param threads of the engine
 * @param engine name and version
 * @param java version
 * @param codeVersion version and commit of the kit
 * @param loss of the last step, nats a token
 * @param stepSeconds of each measured step
 * @param tokensPerSecond of the median step
 * @param headSeconds that the fused head takes for as many tokens, measured by itself; 0 on other paths
 * @param optimizerSeconds of the median step: clipping and AdamW
 * @param deviceMemory of a GPU, taken at the end, in bytes; null for a processor
 */
public record StepBenchmark(String size, StepSettings settings, int sequenceLength, int threads,
                            String engine, String java, String codeVersion, double loss,
                            List<Double> stepSeconds, double tokensPerSecond, double headSeconds,
                            double optimizerSeconds, Long deviceMemory) {

    /**
     * Trains a new model of the run's size, one micro-batch a step.
     *
     * @param warmUp steps before the measured ones
     * @param steps to measure
     */
    public static StepBenchmark measure(RunSpec spec, TokenSet tokens, StepSettings settings, int warmUp, int steps) {
        int microBatch = settings.microBatch();
        if (microBatch < 1 || warmUp < 0 || steps < 1) {
            throw new GerbilException(steps + " steps of " + microBatch + " sequences after " + warmUp,
                    "at least one step of one sequence", "raise these numbers");
        }
        Sequences data = Sequences.of(spec, tokens);
        double[] seconds = new double[warmUp + steps];
        double[] optimizer = new double[warmUp + steps];
        double loss = 0;
        Long memory;
        try (TrainingSetup setup = TrainingSetup.of(spec, settings)) {
            for (int step = 0; step < seconds.length; step++) {
                long begin = System.nanoTime();
                BatchLoss batch = setup.step().backward(data, (long) step * microBatch, microBatch);
                long backward = System.nanoTime();
                setup.optimizer().step(spec.optimizer().learningRate(), batch.sums());
                loss = batch.mean();
                long end = System.nanoTime();
                seconds[step] = (end - begin) / 1e9;
                optimizer[step] = (end - backward) / 1e9;
            }
            memory = Hardware.deviceMemory(spec.config());
        }
        double[] measured = DoubleStream.of(seconds).skip(warmUp).toArray();
        int tokensAStep = microBatch * spec.sequenceLength();
        Engine engine = Devices.engine();
        return new StepBenchmark(spec.size(), settings, spec.sequenceLength(), Devices.threads(),
                engine.getEngineName() + " " + engine.getVersion(),
                System.getProperty("java.version"), CodeVersion.current(), loss,
                DoubleStream.of(measured).boxed().toList(), tokensAStep / StatUtils.percentile(measured, 50),
                headSeconds(spec, settings) * tokensAStep,
                StatUtils.percentile(DoubleStream.of(optimizer).skip(warmUp).toArray(), 50), memory);
    }

    private static double headSeconds(RunSpec spec, StepSettings settings) {
        if (settings.path() != TrainingPath.FUSED) {
            return 0;
        }
        try (NDManager manager = NDManager.newBaseManager(Devices.of(spec.config()))) {
            return new HeadChunks(settings.headChunk(), settings.headBlock())
                    .secondsPerToken(spec.config(), settings.precision(), manager);
        }
    }
}
