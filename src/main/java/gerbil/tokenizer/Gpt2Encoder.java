package gerbil.tokenizer;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingRegistry;
import com.knuddels.jtokkit.api.GptBytePairEncodingParams;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * GPT-2's byte-pair encoding, with the same ids as Hugging Face's tokenizers and several times their speed: jtokkit
 * encodes the {@link Words} of a text. Most of them have been seen a moment before, so the ids of short ones are kept.
 */
final class Gpt2Encoder implements Encoder {

    /** A run of one kind of character that is longer than this is encoded in pieces; text has none. */
    private static final int LONGEST_WORD = 1 << 20;
    private static final int KEPT_BYTES = 48;
    private static final int KEPT_WORDS = 1 << 15;

    private final Gpt2Vocabulary vocabulary;
    private final Map<String, Integer> tags;
    private final Pattern tag;
    private final Encoding ofWords;
    /** By a word's bytes, each as a character. */
    private final ThreadLocal<Map<String, int[]>> kept = ThreadLocal.withInitial(HashMap::new);

    Gpt2Encoder(Gpt2Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
        tags = vocabulary.addedTokens();
        tag = Pattern.compile(tags.keySet().stream().map(Pattern::quote).collect(Collectors.joining("|")));
        EncodingRegistry registry = Encodings.newLazyEncodingRegistry();
        registry.registerGptBytePairEncoding(new GptBytePairEncodingParams(vocabulary.id(),
                Pattern.compile(".+", Pattern.DOTALL), vocabulary.ranks(), Map.of()));
        ofWords = registry.getEncoding(vocabulary.id()).orElseThrow();
    }

    @Override
    public void encode(byte[] utf8, IdBuffer ids) {
        Map<String, int[]> known = kept.get();
        Words words = new Words(utf8);
        for (int start = 0; start < utf8.length; ) {
            int end = words.end(start);
            if (end - start > LONGEST_WORD) {
                end = characterAt(utf8, start + LONGEST_WORD);
            }
            if (end - start > KEPT_BYTES) {
                ids.add(encode(utf8, start, end));
            } else {
                String word = new String(utf8, start, end - start, StandardCharsets.ISO_8859_1);
                int[] found = known.get(word);
                if (found == null) {
                    found = encode(utf8, start, end);
                    if (known.size() == KEPT_WORDS) {
                        known.clear();
                    }
                    known.put(word, found);
                }
                ids.add(found);
            }
            start = end;
        }
    }

    private static int characterAt(byte[] text, int at) {
        return (text[at] & 0xC0) == 0x80 ? characterAt(text, at - 1) : at;
    }

    private int[] encode(byte[] utf8, int start, int end) {
        return ofWords.encodeOrdinary(new String(utf8, start, end - start, StandardCharsets.UTF_8)).toArray();
    }

    @Override
    public void encodeTagged(String text, IdBuffer ids) {
        Matcher found = tag.matcher(text);
        int from = 0;
        while (found.find()) {
            int id = tags.get(found.group());
            String before = text.substring(from, found.start());
            encode(Tokenizer.utf8(vocabulary.lstrip(id) ? SpecialToken.textBefore(before) : before), ids);
            ids.add(id);
            from = found.end();
        }
        encode(Tokenizer.utf8(text.substring(from)), ids);
    }
}
