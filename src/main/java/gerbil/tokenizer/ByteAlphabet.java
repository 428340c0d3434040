package gerbil.tokenizer;

/**
 * GPT-2's one-to-one map from bytes to printable characters, in which its vocabulary and merges are spelled: printable
 * Latin-1 bytes stand for themselves, the others for U+0100 onwards (a space is Ġ, a line feed Ċ).
 */
final class ByteAlphabet {

    private static final char[] CHARACTERS = characters();

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
}
