package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.model.PlainLoss;
import gerbil.model.TrainingLoss;
import gerbil.objective.CausalSequences;
import gerbil.runs.Checkpoint;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.MetricsLog;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The texts are those of libtorch, libc10_cuda, CUDA's runtime, cuBLAS, cuDNN and NVRTC. */
class EngineFailureTest {

    private static final String CUBLAS = "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`";

    @TempDir
    private Path folder;

    private static GerbilException explained(String text) {
        return EngineFailure.explain(new EngineException(text), ModelSize.of("40k").config(Objective.CAUSAL),
                "try again");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "CUDA out of memory. Tried to allocate 1.54 GiB. GPU 0 has a total capacity of 5.78 GiB of which 1.02 GiB is "
                + "free. Including non-PyTorch memory, this process has 3.91 GiB memory in use.",
        "CUDA out of memory. Allocation was preemptively rejected because it would exceed per_process_memory_fraction",
        "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript (most recent call "
                + "last):\n  File \"code/__torch__.py\", line 9, in loss\nRuntimeError: CUDA error: out of memory\n",
        "CUDA error: cudaErrorMemoryAllocation", "CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY", CUBLAS,
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasLtMatmul( ltHandle, computeDesc.descriptor(),",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
        "CUDA ran out of memory outside PyTorch's allocator. If this workload uses many dynamic shapes",
        "nvrtc: error: NVRTC_ERROR_OUT_OF_MEMORY", "Not enough memory for workspace!", "std::bad_alloc",
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
                + "allocate 8589934592 bytes. Error code 12 (Cannot allocate memory)"})
    void theEndOfTheMemoryIsKnownInAllItsTexts(String text) {
        assertTrue(EngineFailure.isOutOfMemory(new EngineException(text)));
        String message = explained(text).getMessage();
        assertTrue(message.startsWith("Found: too little memory (") && message.endsWith("free memory, and try again."),
                message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"CUDA error: unspecified launch failure", "CUDA error: device-side assert triggered",
        "CUDA error: CUDA-capable device(s) is/are busy or unavailable", "CUDA error: unknown error",
        "CUDA error: no CUDA-capable device is detected", "CUDA error: uncorrectable ECC error encountered",
        "CUDA error: the launch timed out and was terminated", "CUDA error: an illegal memory access was encountered",
        "CUDA driver error: an illegal instruction was encountered", "GPU is lost",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx( handle, opa, opb, m, n, k)`",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"})
    void aLostGpuIsToldFromTheEndOfItsMemory(String text) {
        assertFalse(EngineFailure.isOutOfMemory(new EngineException(text)));
        String full = text + "\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
                + "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1";
        String message = explained(full).getMessage();
        assertTrue(message.startsWith("Found: a GPU that failed (" + text + "). ") && message.contains("try again;"),
                message);
    }

    @Test
    void anyOtherErrorOfTheEngineStaysWhatItIs() {
        EngineException other = new EngineException("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)");
        assertFalse(EngineFailure.isOutOfMemory(other));
        assertSame(other, assertThrows(EngineException.class, () -> EngineFailure.explain(other,
                ModelSize.of("40k").config(Objective.CAUSAL), "try again")));
    }

    /** A loss that says what cuBLAS does as long as more than one sequence is to be computed. */
    private record FailingLoss(TrainingLoss loss) implements TrainingLoss {

        @Override
        public NDArray accumulate(NDArray ids, NDArray targets, NDArray groups, int count, float scale) {
            if (ids.getShape().get(0) > 1) {
                throw new EngineException(CUBLAS);
            }
            return loss.accumulate(ids, targets, groups, count, scale);
        }

        @Override
        public boolean saveMemory() {
            return loss.saveMemory();
        }
    }

    @Test
    void theMicroBatchIsHalvedWhereCublasCannotBegin() {
        PreparedTokens tokens = TestTokens.prepare(folder, 40_000);
        CausalSequences data = new CausalSequences(tokens.train(), SmallRun.LENGTH, 0);
        try (TrainingSetup setup = TrainingSetup.of(SmallRun.of(tokens, 1), SmallRun.settings(TrainingPath.PLAIN, 4))) {
            GptJ model = setup.model();
            TrainingStep step = new TrainingStep(new FailingLoss(new PlainLoss(model)), model, 4, SmallRun.LENGTH);
            assertEquals(setup.step().backward(data, 0, 4).mean(), step.backward(data, 0, 4).mean(), 1e-5);
            assertEquals(1, step.microBatch());
        }
    }

    private static Trainer trainer(RunSpec spec, PreparedTokens tokens, RunDirectory run, Precision precision,
                                   TrainingListener listener) {
        return new Trainer(spec, tokens, run, () -> new StepSettings(TrainingPath.FUSED, precision, 4, 64, 300, false, 1),
                listener, CheckpointPolicy.parse("1", 2, 0));
    }

    /** What an operator says when the GPU is gone reaches the trainer at the next number that it reads. */
    @Test
    void aRunWhoseGpuIsLostNamesTheCheckpointThatItGoesOnFrom() {
        PreparedTokens tokens = TestTokens.prepare(folder, 40_000);
        RunSpec spec = SmallRun.of(tokens, 4);
        RunDirectory run = RunDirectory.at(folder.resolve("run"));
        String first = assertThrows(GerbilException.class,
                () -> trainer(spec, tokens, run, Precision.FLOAT32, lostAt(1)).run()).getMessage();
        assertTrue(first.contains("in a new process start the same run again: it begins again"), first);
        String third = assertThrows(GerbilException.class,
                () -> trainer(spec, tokens, run, Precision.FLOAT32, lostAt(3)).run()).getMessage();
        assertTrue(third.contains("it continues from " + run.checkpoints().resolve("step-0000002")), third);
        trainer(spec, tokens, run, Precision.FLOAT32, TrainingListener.NONE).run();
        assertEquals(4, run.metrics().size());
    }

    private static TrainingListener lostAt(int step) {
        return (metrics, steps) -> {
            if (metrics.step() == step) {
                throw new EngineException("CUDA error: unspecified launch failure");
            }
        };
    }

    /** The scale is taken to its least in the checkpoint, as many overflows would take it, and the weights diverge. */
    @Test
    void float16ThatOverflowsAgainAndAgainEndsTheRunAndItGoesOnAfterThem() throws Exception {
        PreparedTokens tokens = TestTokens.prepare(folder, 40_000);
        RunSpec spec = SmallRun.of(tokens, 30).withLearningRate(1e30);
        RunDirectory run = RunDirectory.at(folder.resolve("run"));
        assertThrows(GerbilException.class,
                () -> trainer(spec, tokens, run, Precision.FLOAT16, lostAt(2)).run());
        Checkpoint checkpoint = run.latestCheckpoint().orElseThrow();
        try (TrainingSetup setup = TrainingSetup.of(spec, run.record().environment().step());
             MetricsLog metrics = MetricsLog.continueAfter(checkpoint.step(), run.metricsFile())) {
            Map<String, NDArray> state = checkpoint.optimizer(setup.manager());
            state.put("loss_scale", setup.manager().create(new float[] {LossScale.LEAST, 0, 0}));
            checkpoint.restore(setup.model());
            Checkpoint.save(run.checkpoints(), checkpoint.step(), setup.model().weights(), state,
                    metrics.force(), CheckpointPolicy.DEFAULT);
        }
        String message = assertThrows(GerbilException.class,
                () -> trainer(spec, tokens, run, Precision.FLOAT16, TrainingListener.NONE).run()).getMessage();
        assertTrue(message.contains("a loss scale of 0.5 at step 2") && message.contains("bfloat16 or float32"),
                message);
        assertEquals(2, run.latestCheckpoint().orElseThrow().step());
        assertTrue(Files.exists(run.batches().resolve("step-0000002.txt")));
        message = assertThrows(GerbilException.class,
                () -> trainer(spec, tokens, run, Precision.FLOAT16, TrainingListener.NONE).run()).getMessage();
        assertTrue(message.contains("10 batches one after another, up to that of step 11,"), message);
        assertEquals(11, run.latestCheckpoint().orElseThrow().step());
    }
}
