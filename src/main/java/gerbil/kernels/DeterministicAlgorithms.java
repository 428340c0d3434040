package gerbil.kernels;

import ai.djl.Device;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * PyTorch's {@code use_deterministic_algorithms}, for which DJL has no call: with it the operators of a GPU that would
 * add in the order in which threads arrive take a fixed one, the gradient of attention among them. From Python that
 * cost 7 to 16 % of attention's backward pass (H100, PyTorch 2.11). cuBLAS keeps to it with {@code CUBLAS_WORKSPACE_CONFIG=:4096:8} in the
 * environment.
 */
public final class DeterministicAlgorithms {

    private static final byte YES = 1;
    private static final byte NO = 0;

    private DeterministicAlgorithms() {
    }

    /** Makes the operators of a GPU deterministic for this process; those of a processor are. */
    public static void require(Device device) {
        if (device.isGpu()) {
            enable();
        }
    }

    static void enable() {
        // the one that DJL has loaded: found by its name, and C++ names its functions so
        NativeLibrary torch = NativeLibrary.getInstance("torch_cpu");
        Pointer context = torch.getFunction("_ZN2at13globalContextEv").invokePointer(new Object[0]);
        // where an operator has no fixed order, PyTorch warns
        torch.getFunction("_ZN2at7Context26setDeterministicAlgorithmsEbb").invokeVoid(new Object[] {context, YES, YES});
        // memory that is about to be written need not be filled with not-a-number first
        torch.getFunction("_ZN2at7Context39setDeterministicFillUninitializedMemoryEb")
                .invokeVoid(new Object[] {context, NO});
    }
}
