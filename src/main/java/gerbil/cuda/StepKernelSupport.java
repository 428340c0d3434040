package gerbil.cuda;

import ai.djl.Device;
import ai.djl.util.Utils;
import ai.djl.util.cuda.CudaUtils;
import com.sun.jna.NativeLibrary;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;

import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Where a training step can be one of kernels. */
public final class StepKernelSupport {

    /** Compute capabilities of the first cards that have what the kernels use of float16, and of bfloat16. */
    private static final int TURING = 75;
    private static final int AMPERE = 80;

    private StepKernelSupport() {
    }

    /** Why a step cannot be one of kernels, as a part of a sentence; nothing where it can. */
    public static Optional<String> missing(GptJConfig config, Precision precision, Device device) {
        if (!device.isGpu()) {
            return Optional.of("the kernels need a GPU, and this model is computed on the processor");
        }
        int capability = Integer.parseInt(CudaUtils.getComputeCapability(device.getDeviceId()));
        return unsuitable(config, precision, capability).or(() -> Stream.of(Nvrtc.LIBRARY, Cuda.DRIVER)
                .filter(name -> !isThere(name)).map(name -> "there is no " + name + " here").findFirst());
    }

    static Optional<String> unsuitable(GptJConfig config, Precision precision, int capability) {
        if (precision == Precision.FLOAT32) {
            return Optional.of("the kernels multiply numbers of 16 bits, and the precision is float32");
        }
        if (capability < (precision == Precision.FLOAT16 ? TURING : AMPERE)) {
            return Optional.of("the kernels need compute capability 7.5 for float16 and 8.0 for bfloat16, and the "
                    + "GPU's is " + capability / 10 + "." + capability % 10 + ", with " + precision.label());
        }
        if (!List.of(32, 64, 128, 256).contains(config.width()) || !List.of(8, 16, 32).contains(config.headDim())) {
            return Optional.of("the kernels are for widths of 32, 64, 128 and 256 and heads of 8, 16 and 32, and the "
                    + "model has a width of " + config.width() + " and heads of " + config.headDim());
        }
        if (config.width() > StepKernels.WIDEST_HEAD && config.vocabulary() > StepKernels.WIDE_VOCABULARY) {
            return Optional.of("the kernels are for a vocabulary of at most " + StepKernels.WIDE_VOCABULARY
                    + " at a width of " + config.width() + ", and the model's is " + config.vocabulary());
        }
        return Optional.empty();
    }

    private static boolean isThere(String library) {
        try {
            NativeLibrary.getInstance(library);
            return true;
        } catch (UnsatisfiedLinkError e) {
            return false;
        }
    }

    /**
     * What runs the kernels on a GPU.
     *
     * @throws GerbilException if a step cannot be one of kernels
     */
    public static KernelRunner runner(GptJConfig config, Precision precision, Device device) {
        missing(config, precision, device).ifPresent(reason -> {
            throw new GerbilException("a step on the kernels' path, where " + reason, "what that path needs",
                    "continue a run where it was begun, or take the fused path for another");
        });
        return new Cuda(device, new Nvrtc(Utils.getCacheDir().resolve("gerbil-kernels")));
    }
}
