package gerbil.model;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.util.Utils;
import gerbil.base.DiskFull;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Where models are computed: on the engine's GPU, if it has one and the model is large enough to gain by it. */
public final class Devices {

    /** Between the scales: that below it a GPU's kernels take longer to be launched than to run is an assumption. */
    private static final long LAUNCH_BOUND = 1_000_000;
    /** With this property set to "gpu", as tests and measurements of a GPU need it, every model is computed there. */
    private static final String PROPERTY = "gerbil.device";
    private static final String VARIABLE = "GERBIL_DEVICE";

    /** PyTorch, which a thread of its own begins to load when this class is first used. */
    private static final class Loading {

        // a thread of a pool would not find the engine by the class loader of who began
        private static final CompletableFuture<Engine> ENGINE =
                CompletableFuture.supplyAsync(Loading::load, task -> new Thread(task).start());

        static {
            // a process does not end well among a library's initializers
            Runtime.getRuntime().addShutdownHook(new Thread(() -> ENGINE.exceptionally(failure -> null).join()));
        }

        private static Engine load() {
            // threads of TorchScript's forks, of which there would be as many as processors in a container's host
            System.getProperties().putIfAbsent("ai.djl.pytorch.num_interop_threads", String.valueOf(threads()));
            return Engine.getInstance();
        }
    }

    private Devices() {
    }

    /**
     * The device of an architecture.
     *
     * @throws GerbilException if the environment asks for a GPU, which the model would gain by, and the engine has none
     */
    public static Device of(GptJConfig config) {
        Engine engine = engine();
        if (isLaunchBound(config)) {
            return Device.cpu();
        }
        Device device = engine.defaultDevice();
        if (!device.isGpu() && "cuda".equals(System.getenv(VARIABLE))) {
            throw new GerbilException("no GPU that PyTorch can use, with " + VARIABLE + "=cuda",
                    "an NVIDIA card, its driver, and PyTorch's CUDA build with CUDA's libraries",
                    "see whether nvidia-smi shows the card, or leave " + VARIABLE + " out and use the processor");
        }
        return device;
    }

    /** Begins to load PyTorch, which takes a while, for who has something else to do before it is needed. */
    public static void prepare() {
        Loading.ENGINE.isDone();
    }

    /**
     * PyTorch, whose libraries are unpacked and loaded by the first call, or by {@link #prepare}.
     *
     * @throws GerbilException if the disk is too full for them, or forbids execution
     */
    public static Engine engine() {
        try {
            return Loading.ENGINE.join();
        } catch (CompletionException e) {
            Path folder = Utils.getCacheDir();
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof IOException failure) {
                    throw DiskFull.explain(failure, folder, "a part of PyTorch's libraries", "500 MB of them");
                }
                if (cause instanceof UnsatisfiedLinkError) {
                    throw new GerbilException("PyTorch's libraries in " + folder + ", which this system does not load ("
                            + cause.getMessage() + ")", "a folder from which programs may be run",
                            "name one on another disk with DJL_CACHE_DIR", e);
                }
            }
            throw e;
        }
    }

    /** Threads that PyTorch computes with on the processor. */
    public static int threads() {
        return Integer.getInteger("ai.djl.pytorch.num_threads", Runtime.getRuntime().availableProcessors());
    }

    /** Whether a model is computed on the processor though the engine has a GPU. */
    public static boolean leavesGpu(GptJConfig config) {
        return isLaunchBound(config) && engine().defaultDevice().isGpu();
    }

    private static boolean isLaunchBound(GptJConfig config) {
        return config.parameters() < LAUNCH_BOUND && !"gpu".equals(System.getProperty(PROPERTY));
    }
}
