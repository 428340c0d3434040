package gerbil.base;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;

/**
 * Strict UTF-8: what is not text is told apart rather than read with replacement characters. A byte order mark before a
 * text is none of it.
 */
public final class Utf8 {

    private static final long LARGEST = 1 << 28;
    private static final byte[] MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    private Utf8() {
    }

    /** Bytes that are not text in UTF-8; the message says why: "is UTF-16, not UTF-8". */
    public static final class Malformed extends IOException {

        private static final long serialVersionUID = 1;

        Malformed(String reason) {
            super(reason);
        }
    }

    /**
     * The text of some bytes, without a mark.
     *
     * @throws Malformed if the bytes are not valid UTF-8 or hold a NUL, as binary files do
     */
    public static String text(byte[] bytes) throws Malformed {
        requireNoOther(bytes);
        if (!isValid(bytes, 0, bytes.length)) {
            throw new Malformed("is not UTF-8 text");
        }
        int mark = markLength(bytes);
        String text = new String(bytes, mark, bytes.length - mark, StandardCharsets.UTF_8);
        if (text.indexOf('\0') >= 0) {
            throw new Malformed("is not UTF-8 text: it holds NUL, as binary files do, and UTF-16 without a mark");
        }
        return text;
    }

    /**
     * The text of a file of at most 256 MB, without a mark.
     *
     * @throws GerbilException if it is larger, or not UTF-8
     */
    public static String read(Path file) throws IOException {
        try {
            return text(Files.readAllBytes(Folders.requireFile(file, LARGEST)));
        } catch (Malformed e) {
            throw new GerbilException(file + ", which " + e.getMessage(), "text in UTF-8", "save it as UTF-8", e);
        }
    }

    /** The text of a resource beside a class. */
    public static String resource(Class<?> owner, String name) {
        return Unchecked.io(() -> {
            try (InputStream in = Objects.requireNonNull(owner.getResourceAsStream(name), name)) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            }
        });
    }

    /** Bytes of the mark that a text begins with. */
    public static int markLength(byte[] begin) {
        return begin.length >= MARK.length && Arrays.equals(begin, 0, MARK.length, MARK, 0, MARK.length)
                ? MARK.length : 0;
    }

    /**
     * @param begin of a file
     * @throws Malformed if it has the mark of another encoding
     */
    public static void requireNoOther(byte[] begin) throws Malformed {
        Optional<String> other = other(ByteBuffer.wrap(Arrays.copyOf(begin, Integer.BYTES)).getInt());
        if (other.isPresent()) {
            throw new Malformed("is " + other.get() + ", not UTF-8");
        }
    }

    private static Optional<String> other(int begin) {
        if (begin == 0xFFFE0000 || begin == 0x0000FEFF) {
            return Optional.of("UTF-32");
        }
        return begin >>> 16 == 0xFFFE || begin >>> 16 == 0xFEFF ? Optional.of("UTF-16") : Optional.empty();
    }

    /** Whether bytes are valid UTF-8. */
    public static boolean isValid(byte[] bytes, int from, int length) {
        for (int i = from; i < from + length; i++) {
            if (bytes[i] < 0) {
                return decodes(bytes, i, from + length - i);
            }
        }
        return true;
    }

    private static boolean decodes(byte[] bytes, int from, int length) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, from, length));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }
}
