package gerbil.tokenizer;

import gerbil.base.GerbilException;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Text to the ids of a {@link Vocabulary} and back, with the same ids as Hugging Face's tokenizers. Text that spells
 * {@code <|endoftext|>} or another special token is text like any other, except for {@link #encodeTagged}. Safe for use
 * by many threads.
 */
public final class Tokenizer {

    private final Vocabulary vocabulary;
    private final Encoder encoder;

    public Tokenizer(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
        this.encoder = vocabulary.encoder();
    }

    public Vocabulary vocabulary() {
        return vocabulary;
    }

    /** The ids of a text; none for the empty text. Unpaired surrogates are read as U+FFFD. */
    public int[] encode(String text) {
        IdBuffer ids = new IdBuffer();
        encode(utf8(text), ids);
        return ids.toArray();
    }

    /** Appends the ids of a text in UTF-8 that is well formed, as {@link #utf8} makes it. */
    public void encode(byte[] utf8, IdBuffer ids) {
        encoder.encode(utf8, ids);
    }

    /** A text in UTF-8, with U+FFFD for unpaired surrogates. */
    public static byte[] utf8(String text) {
        return wellFormed(text).getBytes(StandardCharsets.UTF_8);
    }

    /**
     * The text of these ids; bytes that are not UTF-8, as at a cut through a character, become U+FFFD.
     *
     * @throws GerbilException if an id is not in the vocabulary
     */
    public String decode(int[] tokens) {
        return vocabulary.decode(tokens);
    }

    /**
     * What these ids add to a text before them; of some tokenizers, though not of GPT-2's, that is more white space
     * than the same ids have at a text's beginning.
     *
     * @throws GerbilException if an id is not in the vocabulary
     */
    public String continuation(int[] tokens) {
        return new String(vocabulary.bytes(tokens), StandardCharsets.UTF_8);
    }

    /**
     * The ids of a text in which {@code <|endoftext|>} and the vocabulary's special tokens are meant as such, as in
     * {@code <causal> this is an example<|endoftext|>}: those that transformers makes of it with an exported folder. A
     * {@link SpecialToken} takes the white space before it along.
     */
    public int[] encodeTagged(String text) {
        IdBuffer ids = new IdBuffer();
        encoder.encodeTagged(text, ids);
        return ids.toArray();
    }

    /**
     * {@link #decode} with a space before each inner special token: what {@link #encodeTagged} reads back as these ids,
     * if they came from there. White space of a text that a special token follows is read as the token's.
     */
    public String decodeTagged(int[] tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(4 * tokens.length);
        for (int token : tokens) {
            if (vocabulary.lstrip(token) && bytes.size() > 0) {
                bytes.write(' ');
            }
            bytes.writeBytes(vocabulary.bytes(token));
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    private static String wellFormed(String text) {
        StringBuilder mended = null;
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (Character.isSupplementaryCodePoint(text.codePointAt(i))) {
                    i++;
                } else {
                    mended = mended == null ? new StringBuilder(text) : mended;
                    mended.setCharAt(i, '\uFFFD');
                }
            }
        }
        return mended == null ? text : mended.toString();
    }
}
