package gerbil.cuda;

import com.sun.jna.Pointer;

/** Compiles kernels and runs them, in the order in which they are launched, after what PyTorch was told before. */
public interface KernelRunner {

    /** Makes a kernel ready. */
    Launch load(Kernel kernel);

    /** The most shared memory that a block may have, in bytes. */
    int sharedBytes();

    /** A kernel that is ready. */
    interface Launch {

        /**
         * Runs the kernel.
         *
         * @param x blocks
         * @param y blocks
         * @param arguments an array of their addresses
         */
        void run(int x, int y, Pointer arguments);
    }
}
