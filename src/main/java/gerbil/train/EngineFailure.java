package gerbil.train;

import ai.djl.engine.EngineException;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What PyTorch and CUDA's libraries say when a device cannot go on: their errors reach Java as text alone. */
final class EngineFailure {

    /**
     * Of PyTorch's allocators, CUDA's runtime and driver, NVRTC, cuBLAS, cuDNN, and C++. Where cuBLAS or cuDNN cannot
     * begin for want of memory, they say that they are not initialized.
     */
    private static final Pattern OUT_OF_MEMORY = Pattern.compile("(?i)[^\\n.]*(?:out[ _]of[ _]memory"
            + "|can't allocate memory|not enough memory|bad_alloc|cudaErrorMemoryAllocation|ALLOC(?:ATION)?_FAILED"
            + "|CU(?:BLAS|DNN)_STATUS_NOT_INITIALIZED)[^\\n.]*");
    private static final Pattern LOST_GPU = Pattern.compile("(?i)[^\\n.]*(?:CUDA (?:driver )?error|cuDNN error"
            + "|CUDA-capable device|GPU is lost|ECC error)[^\\n.]*");

    private EngineFailure() {
    }

    static boolean isOutOfMemory(EngineException e) {
        return text(OUT_OF_MEMORY, e) != null;
    }

    /**
     * The error as a sentence.
     *
     * @param config of the model that was computed
     * @param next what to do to go on, as an imperative
     * @throws EngineException the error itself, if it is neither the end of the memory nor of the GPU
     */
    static GerbilException explain(EngineException e, GptJConfig config, String next) {
        String memory = text(OUT_OF_MEMORY, e);
        if (memory != null) {
            return new GerbilException("too little memory (" + memory + ")" + Hardware.room(config),
                    "room for a training step", "free memory, and " + next, e);
        }
        String gpu = text(LOST_GPU, e);
        if (gpu != null) {
            return new GerbilException("a GPU that failed (" + gpu + ")", "one that computes to the end",
                    "in a new process " + next + "; if it fails again, see what nvidia-smi shows, and Xid lines of the "
                            + "system's log", e);
        }
        throw e;
    }

    private static String text(Pattern pattern, EngineException e) {
        Matcher matcher = pattern.matcher(String.valueOf(e.getMessage()));
        return matcher.find() ? matcher.group().strip() : null;
    }
}
