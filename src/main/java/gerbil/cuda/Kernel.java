package gerbil.cuda;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
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
            return resource("warp.cuh") + resource(file);
        }

        private static String resource(String name) {
            try (InputStream stream = Objects.requireNonNull(Source.class.getResourceAsStream(name))) {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
