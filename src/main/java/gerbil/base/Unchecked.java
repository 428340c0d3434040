package gerbil.base;

import java.io.IOException;
import java.io.UncheckedIOException;

/** Reading where no checked exception may be thrown. */
public final class Unchecked {

    private Unchecked() {
    }

    /** What reads. */
    @FunctionalInterface
    public interface Reading<T> {

        T get() throws IOException;
    }

    /**
     * What was read.
     *
     * @throws UncheckedIOException for an {@link IOException}
     */
    public static <T> T io(Reading<T> reading) {
        try {
            return reading.get();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
