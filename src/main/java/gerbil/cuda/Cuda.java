package gerbil.cuda;

import ai.djl.Device;
import ai.djl.engine.EngineException;
import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.PointerByReference;

import java.util.HashMap;
import java.util.Map;

/** Runs kernels on an NVIDIA card by its driver, in PyTorch's context and on its stream. */
final class Cuda implements KernelRunner {

    static final String DRIVER = "libcuda.so.1";
    // of the enumerations CUdevice_attribute and CUfunction_attribute
    private static final int MAJOR = 75;
    private static final int MINOR = 76;
    private static final int SHARED_BYTES_OF_BLOCK = 97;
    private static final int DYNAMIC_SHARED_BYTES = 8;

    private final CudaDriver driver = Native.load(DRIVER, CudaDriver.class);
    private final Nvrtc compiler;
    private final int card;
    private final int capability;
    private final int sharedBytes;
    private final Pointer stream;
    private final Map<Kernel.Source, Pointer> modules = new HashMap<>();

    /**
     * @param device a GPU, which PyTorch has begun to use on this thread
     * @throws UnsatisfiedLinkError if there is no driver
     */
    Cuda(Device device, Nvrtc compiler) {
        this.compiler = compiler;
        check(driver.cuInit(0));
        IntByReference number = new IntByReference();
        check(driver.cuDeviceGet(number, device.getDeviceId()));
        card = number.getValue();
        capability = 10 * attribute(MAJOR) + attribute(MINOR);
        sharedBytes = attribute(SHARED_BYTES_OF_BLOCK);
        PointerByReference current = new PointerByReference();
        int status = NativeLibrary.getInstance("torch_cuda").getFunction("aoti_torch_get_current_cuda_stream")
                .invokeInt(new Object[] {device.getDeviceId(), current});
        if (status != 0) {
            throw new IllegalStateException("PyTorch names no stream of " + device);
        }
        stream = current.getValue();
    }

    private int attribute(int which) {
        IntByReference value = new IntByReference();
        check(driver.cuDeviceGetAttribute(value, which, card));
        return value.getValue();
    }

    @Override
    public int sharedBytes() {
        return sharedBytes;
    }

    @Override
    public Launch load(Kernel kernel) {
        Pointer module = modules.computeIfAbsent(kernel.source(), this::module);
        PointerByReference function = new PointerByReference();
        check(driver.cuModuleGetFunction(function, module, kernel.name()));
        check(driver.cuFuncSetAttribute(function.getValue(), DYNAMIC_SHARED_BYTES, kernel.sharedBytes()));
        return (x, y, arguments) -> check(driver.cuLaunchKernel(function.getValue(), x, y, 1, kernel.threads(), 1, 1,
                kernel.sharedBytes(), stream, arguments, null));
    }

    private Pointer module(Kernel.Source source) {
        byte[] code = compiler.code(source, capability);
        try (Memory image = new Memory(code.length)) {
            image.write(0, code, 0, code.length);
            PointerByReference module = new PointerByReference();
            check(driver.cuModuleLoadData(module, image));
            return module.getValue();
        }
    }

    private void check(int status) {
        if (status != 0) {
            PointerByReference words = new PointerByReference();
            driver.cuGetErrorString(status, words);
            throw new EngineException("CUDA error: " + (words.getValue() == null ? "number " + status
                    : words.getValue().getString(0)));
        }
    }

    /** What is used of the driver's interface. */
    private interface CudaDriver extends Library {

        int cuInit(int flags);

        int cuDeviceGet(IntByReference device, int ordinal);

        int cuDeviceGetAttribute(IntByReference value, int attribute, int device);

        int cuModuleLoadData(PointerByReference module, Pointer image);

        int cuModuleGetFunction(PointerByReference function, Pointer module, String name);

        int cuFuncSetAttribute(Pointer function, int attribute, int value);

        int cuLaunchKernel(Pointer function, int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ,
                           int sharedBytes, Pointer stream, Pointer arguments, Pointer extra);

        int cuGetErrorString(int status, PointerByReference words);
    }
}
