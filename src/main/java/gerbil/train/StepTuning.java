package gerbil.train;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import ai.djl.util.cuda.CudaUtils;
import gerbil.cuda.StepKernelSupport;
import gerbil.kernels.HeadChunks;
import gerbil.model.Devices;
import gerbil.objective.Batch;
import gerbil.objective.Sequences;
import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;

import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Chooses how a run's training step is computed on this device. */
public final class StepTuning {

    /** Tokens of one pass of the fused path on a processor: enough for full products; more are no faster. */
    private static final int FUSED_TOKENS = 4_096;
    /** Sequences of one pass that are tried first on a GPU: what the larger sizes were measured with on one (H100). */
    private static final int GPU_SEQUENCES = 64;
    /** Logits of one pass on the plain path, in bytes; the pass needs a few times as much. */
    private static final long PLAIN_LOGITS = 64L << 20;
    /**
     * Tokens that a thread computes by itself: of fewer the operators cost more, of more the memory, which the
     * processor's caches no longer hold.
     */
    private static final int WORKER_TOKENS = 1_024;
    /**
     * Below this vocabulary conversions cost more than the faster products save, and operators are too small to be
     * shared among threads.
     */
    private static final int SMALL_VOCABULARY = 8_192;
    /** Compute capabilities of the first GPUs with fast bfloat16 and fast float16. */
    private static final int AMPERE = 80;
    private static final int VOLTA = 70;

    private StepTuning() {
    }

    /**
     * @param precision a precision, and why
     */
    public record PrecisionChoice(Precision precision, String reason) {
    }

    /**
     * Settings in the precision that suits the device. On a processor they are the same each time, so that equal runs
     * are equal to the last bit; on a GPU while as much of its memory is free.
     */
    public static StepSettings choose(RunSpec spec, TrainingPath path) {
        return choose(spec, path, precision(spec, path).precision());
    }

    /**
     * Settings in a given precision; the plain path knows float32 only. On a GPU the micro-batch is found by trying.
     *
     * @throws gerbil.base.GerbilException if a GPU's memory is too small for one sequence, or it fails
     */
    public static StepSettings choose(RunSpec spec, TrainingPath path, Precision precision) {
        boolean gpu = Devices.of(spec.config()).isGpu();
        int microBatch = gpu ? gpuMicroBatch(spec) : microBatch(spec, path);
        HeadChunks chunks = gpu ? HeadChunks.GPU : HeadChunks.PROCESSOR;
        int workers = gpu ? 1 : workers(spec, microBatch);
        StepSettings settings = path == TrainingPath.PLAIN
                ? new StepSettings(path, Precision.FLOAT32, microBatch, 0, 0, false, 1)
                : new StepSettings(path, precision, microBatch, chunks.chunk(), chunks.block(), false, workers);
        return gpu ? fit(spec, settings) : settings;
    }

    /**
     * At nano scale as many for each thread, so that none waits: the same number for each number of threads that
     * divides it. Above that the gradients that each has of its own cost memory, and time to be added: two threads
     * gain by it (measured on two), and more share the operators.
     */
    private static int workers(RunSpec spec, int microBatch) {
        int threads = Devices.threads();
        int workers = spec.config().vocabulary() >= SMALL_VOCABULARY ? threads == 2 ? 2 : 1
                : threads * Math.max(1, microBatch * spec.sequenceLength() / WORKER_TOKENS / threads);
        return Math.min(microBatch, workers);
    }

    /** The micro-batch that is tried first on a GPU. */
    public static int gpuMicroBatch(RunSpec spec) {
        return microBatch(spec, GPU_SEQUENCES);
    }

    /**
     * The settings with the largest micro-batch that fits into the device's memory: a pass of random tokens is tried,
     * and halved until it fits. Where one sequence does not, activations are computed again in the backward pass.
     * A pass more and the optimizer's step follow, so that gradients and what CUDA's libraries take at their first call
     * have their room.
     *
     * @param wanted settings with the largest micro-batch to try
     * @throws gerbil.base.GerbilException if memory is too small for one sequence all the same, or a GPU fails
     */
    static StepSettings fit(RunSpec spec, StepSettings wanted) {
        try (TrainingSetup setup = TrainingSetup.of(spec, wanted)) {
            RandomSequences data = new RandomSequences(spec);
            setup.step().backward(data, 0, wanted.microBatch());
            setup.step().backward(data, 0, setup.step().microBatch());
            setup.optimizer().step(0);
            return new StepSettings(wanted.path(), wanted.precision(), setup.step().microBatch(), wanted.headChunk(),
                    wanted.headBlock(), wanted.recompute() || setup.step().recomputes(), wanted.workers());
        } catch (EngineException e) {
            throw EngineFailure.explain(e, spec.config(), "try again");
        }
    }

    /** Text to try memory with. */
    private record RandomSequences(RunSpec spec) implements Sequences {

        @Override
        public int perEpoch() {
            return Integer.MAX_VALUE;
        }

        @Override
        public int groups() {
            return 1;
        }

        @Override
        public long position(long sequence) {
            return 0;
        }

        @Override
        public Batch batch(long first, int count) {
            long[] ids = new SplittableRandom(first).longs((long) count * spec.sequenceLength(), 0,
                    spec.config().vocabulary()).toArray();
            return new Batch(count, spec.sequenceLength(), ids, ids);
        }
    }

    /** Why a run's step cannot be on the kernels' path here; nothing where it can. */
    public static Optional<String> kernelsMissing(RunSpec spec, Precision precision) {
        return StepKernelSupport.missing(spec.config(), precision, Devices.of(spec.config()));
    }

    /** The precision that suits a run on this device. */
    public static PrecisionChoice precision(RunSpec spec, TrainingPath path) {
        Device device = Devices.of(spec.config());
        if (path == TrainingPath.PLAIN) {
            return new PrecisionChoice(Precision.FLOAT32, "the plain path has no other");
        }
        if (spec.config().vocabulary() < SMALL_VOCABULARY) {
            return new PrecisionChoice(Precision.FLOAT32, "a model this small gains nothing from less");
        }
        if (device.isGpu()) {
            return gpuPrecision(Integer.parseInt(CudaUtils.getComputeCapability(device.getDeviceId())));
        }
        return Hardware.multipliesBfloat16()
                ? new PrecisionChoice(Precision.BFLOAT16, "the processor has instructions for bfloat16")
                : new PrecisionChoice(Precision.FLOAT32, "the processor has no instructions for bfloat16");
    }

    /** By compute capability: 75 is Turing (T4, RTX 2060), 86 is Ampere (RTX 3060). */
    static PrecisionChoice gpuPrecision(int capability) {
        String reason = "the GPU's compute capability is " + capability / 10 + "." + capability % 10;
        return new PrecisionChoice(capability >= AMPERE ? Precision.BFLOAT16
                : capability >= VOLTA ? Precision.FLOAT16 : Precision.FLOAT32, reason);
    }

    /** The largest micro-batch that is small enough for the path on a processor. */
    private static int microBatch(RunSpec spec, TrainingPath path) {
        GptJConfig config = spec.config();
        long largest = path != TrainingPath.PLAIN ? FUSED_TOKENS / spec.sequenceLength()
                : PLAIN_LOGITS / Float.BYTES / config.vocabulary() / spec.sequenceLength();
        return microBatch(spec, largest);
    }

    /** The largest micro-batch that divides the batch and is no larger than a number, or 1. */
    private static int microBatch(RunSpec spec, long largest) {
        return IntStream.rangeClosed(1, spec.batchSequences())
                .filter(m -> spec.batchSequences() % m == 0 && (m == 1 || m <= largest))
                .max().orElseThrow();
    }
}
