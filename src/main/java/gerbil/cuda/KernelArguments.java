package gerbil.cuda;

import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/** The arguments of a kernel as CUDA takes them: the addresses of their values. They are those of the last call. */
final class KernelArguments {

    private static final int MOST = 16;

    private final Memory values = new Memory(MOST * Long.BYTES);
    private final Memory found = new Memory(Long.BYTES);
    private final Memory addresses = new Memory(MOST * Long.BYTES);

    KernelArguments() {
        for (int i = 0; i < MOST; i++) {
            addresses.setPointer((long) i * Long.BYTES, values.share((long) i * Long.BYTES));
        }
    }

    /**
     * @param arguments arrays, for which the address of their first element is passed, integers, floats, and null for
     *     the address 0
     */
    Pointer of(Object... arguments) {
        for (int i = 0; i < arguments.length; i++) {
            long at = (long) i * Long.BYTES;
            if (arguments[i] instanceof Integer number) {
                values.setInt(at, number);
            } else if (arguments[i] instanceof Float number) {
                values.setFloat(at, number);
            } else {
                values.setLong(at, arguments[i] == null ? 0 : address((NDArray) arguments[i]));
            }
        }
        return addresses;
    }

    /** Where an array's first element is, in the memory of its device. */
    private long address(NDArray array) {
        if (Torch.aoti_torch_get_data_ptr(((PtNDArray) array).getHandle(), Pointer.nativeValue(found)) != 0) {
            throw new IllegalStateException("PyTorch gives no address of " + array.getShape());
        }
        return found.getLong(0);
    }

    /** A part of PyTorch's interface for C, which DJL's handles, addresses of tensors, suit. */
    private static final class Torch {

        static {
            // the one that DJL has loaded: found by its name
            Native.register(Torch.class, NativeLibrary.getInstance("torch_cpu"));
        }

        private Torch() {
        }

        static native int aoti_torch_get_data_ptr(long tensor, long result);
    }
}
