package gerbil.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * GPT-2's one-to-one map from bytes to printable characters, in which its vocabulary and merges are spelled: printable
 * Latin-1 bytes stand for themselves, the others for U+0100 onwards (a space is Ġ, a line feed Ċ).
 */
final class ByteAlphabet {

    private static final char[] CHARACTERS = characters();

    private static final Map<Character, Byte> BYTES = IntStream.range(0, 256).boxed()
            .collect(Collectors.toMap(b -> CHARACTERS[b], Integer::byteValue));

    private ByteAlphabet() {
    }

    private static char[] characters() {
        char[] characters = new char[256];
        char next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= '¡' && b <= '¬' || b >= '®';
            characters[b] = printable ? (char) b : next++;
        }
        return characters;
    }

    static String spell(byte[] bytes) {
        StringBuilder spelled = new StringBuilder(bytes.length);
        for (byte b : bytes) {
            spelled.append(CHARACTERS[b & 0xFF]);
        }
        return spelled.toString();
    }

    /** The bytes that a text spells; what is no spelling stands for itself, as it does to Hugging Face's tokenizers. */
    static byte[] bytes(String spelled) {
        byte[] bytes = new byte[spelled.length()];
        for (int i = 0; i < bytes.length; i++) {
            Byte b = BYTES.get(spelled.charAt(i));
            if (b == null) {
                return spelled.getBytes(StandardCharsets.UTF_8);
            }
            bytes[i] = b;
        }
        return bytes;
    }
}
