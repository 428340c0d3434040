package gerbil.cuda;

import gerbil.base.Utf8;

import java.util.SortedMap;

/**
 * A kernel in CUDA C, with the sizes that it is compiled for.
 *
 * @param source the file that it is in, with its constants
 * @param name of the function
 * @param threads of a block
 * @param sharedBytes of shared memory that a block takes
 */
public record Kernel(Source source, String name, int threads, int sharedBytes) {

    /**
     * What is compiled at once.
     *
     * @param file the resource's name
     * @param constants by name, as the comment above the kernels says
     */
    public record Source(String file, SortedMap<String, Integer> constants) {

        /** The file's text, below what all kernels share. */
        public String text() {
            return Utf8.resource(Kernel.class, "warp.cuh") + Utf8.resource(Kernel.class, file);
        }
    }
}
