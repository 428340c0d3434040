package gerbil.tokens;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingRegistry;
import com.knuddels.jtokkit.api.GptBytePairEncodingParams;
import gerbil.spec.GerbilException;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Text to the ids of a {@link Vocabulary} and back, with the same ids as Hugging Face's tokenizers and many times
 * their speed. Text that spells {@code <|endoftext|>} is text like any other. Safe for use by many threads.
 */
public final class Tokenizer {

    /** GPT-2's own; its whitespace is Unicode's, as in Hugging Face's tokenizers. */
    private static final Pattern WORDS = Pattern.compile(
            "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
            Pattern.UNICODE_CHARACTER_CLASS);

    private final Vocabulary vocabulary;
    private final Encoding encoding;

    public Tokenizer(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
        EncodingRegistry registry = Encodings.newLazyEncodingRegistry();
        registry.registerGptBytePairEncoding(
                new GptBytePairEncodingParams(vocabulary.id(), WORDS, vocabulary.ranks(), Map.of()));
        this.encoding = registry.getEncoding(vocabulary.id()).orElseThrow();
    }

    public Vocabulary vocabulary() {
        return vocabulary;
    }

    /** The ids of a text; none for the empty text. Unpaired surrogates are read as U+FFFD. */
    public int[] encode(String text) {
        return encoding.encodeOrdinary(wellFormed(text)).toArray();
    }

    /**
     * The text of these ids; bytes that are not UTF-8, as at a cut through a character, become U+FFFD.
     *
     * @throws GerbilException if an id is not in the vocabulary
     */
    public String decode(int[] tokens) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(4 * tokens.length);
        for (int token : tokens) {
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
