package gerbil.corpus;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Strict UTF-8: what is not text is told apart rather than read with replacement characters. */
final class Utf8 {

    private Utf8() {
    }

    /** The text, or nothing if the bytes are not valid UTF-8 or hold a NUL, as binary files do. */
    static Optional<String> text(byte[] bytes) {
        if (!isValid(bytes, 0, bytes.length)) {
            return Optional.empty();
        }
        String text = new String(bytes, StandardCharsets.UTF_8);
        return text.indexOf('\0') < 0 ? Optional.of(text) : Optional.empty();
    }

    static boolean isValid(byte[] bytes, int from, int length) {
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
