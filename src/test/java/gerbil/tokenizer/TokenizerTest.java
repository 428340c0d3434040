package gerbil.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingRegistry;
import com.knuddels.jtokkit.api.GptBytePairEncodingParams;
import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

class TokenizerTest {

    private static String wellFormed(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_16), StandardCharsets.UTF_16);
    }

    private static void assertSameAsReference(int size, List<String> texts) {
        Vocabulary vocabulary = Vocabulary.cut(size);
        Tokenizer tokenizer = new Tokenizer(vocabulary);
        try (HuggingFaceTokenizer reference = DjlTokenizer.open(vocabulary)) {
            for (String text : texts) {
                int[] expected = Arrays.stream(reference.encode(wellFormed(text)).getIds()).mapToInt(Math::toIntExact)
                        .toArray();
                assertArrayEquals(expected, tokenizer.encode(text), () -> "ids of '" + text + "'");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {257, 300, 1_024, 50_257})
    void idsOfCodeEqualHuggingFaces(int size) throws IOException {
        assertSameAsReference(size, Texts.ownSources());
    }

    @ParameterizedTest
    @ValueSource(ints = {257, 300, 1_024, 50_257})
    void idsOfOddTextsEqualHuggingFaces(int size) {
        assertSameAsReference(size, Texts.odd());
    }

    @ParameterizedTest
    @ValueSource(ints = {1_024, 50_257})
    void idsOfRandomUnicodeEqualHuggingFaces(int size) {
        assertSameAsReference(size, Texts.random(1_000, 11));
    }

    /** Words cut by the published expression, on much more texts than Hugging Face's library can be asked for. */
    @ParameterizedTest
    @ValueSource(ints = {300, 1_024, 50_257})
    void idsOfFuzzedTextsEqualThoseOfTheExpressionsWords(int size) throws IOException {
        Vocabulary vocabulary = Vocabulary.cut(size);
        Tokenizer tokenizer = new Tokenizer(vocabulary);
        Map<byte[], Integer> ranks = new HashMap<>();
        for (int id = 0; id < vocabulary.endOfText(); id++) {
            ranks.put(vocabulary.bytes(id), id);
        }
        EncodingRegistry registry = Encodings.newLazyEncodingRegistry();
        registry.registerGptBytePairEncoding(new GptBytePairEncodingParams("reference", Pattern.compile(
                "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                Pattern.UNICODE_CHARACTER_CLASS), ranks, Map.of()));
        Encoding reference = registry.getEncoding("reference").orElseThrow();
        for (List<String> texts : List.of(Texts.ownSources(), Texts.odd(), Texts.random(20_000, 5))) {
            for (String text : texts) {
                assertArrayEquals(reference.encodeOrdinary(wellFormed(text)).toArray(), tokenizer.encode(text),
                        () -> "ids of '" + text + "'");
            }
        }
    }

    @Test
    void aRunLongerThanAnyWordIsEncodedInPieces() {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.cut(1_024));
        for (String run : List.of("=".repeat(3_000_000), "é".repeat(1_500_000), "日".repeat(1_000_000))) {
            assertEquals(run, tokenizer.decode(tokenizer.encode(run)));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {257, 1_024, 50_257})
    void decodingGivesTheTextBack(int size) throws IOException {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.cut(size));
        for (List<String> texts : List.of(Texts.ownSources(), Texts.odd(), Texts.random(200, 3))) {
            for (String text : texts) {
                assertEquals(wellFormed(text), tokenizer.decode(tokenizer.encode(text)));
            }
        }
    }

    @Test
    void knowsGpt2sIds() {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.gpt2());
        assertArrayEquals(new int[] {15496, 995}, tokenizer.encode("Hello world"));
        assertArrayEquals(new int[] {23748}, tokenizer.encode(" hello"));
        assertEquals("Hello world<|endoftext|>", tokenizer.decode(new int[] {15496, 995, 50256}));
    }

    @Test
    void textThatSpellsEndOfTextStaysText() {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.gpt2());
        int[] ids = tokenizer.encode("a<|endoftext|>b");
        assertTrue(Arrays.stream(ids).noneMatch(id -> id == tokenizer.vocabulary().endOfText()));
        assertEquals("a<|endoftext|>b", tokenizer.decode(ids));
    }

    @Test
    void unpairedSurrogatesBecomeReplacementCharacters() {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.gpt2());
        assertArrayEquals(tokenizer.encode("a\ufffdb😀\ufffd"), tokenizer.encode("a\udc00b😀\ud83d"));
    }

    @Test
    void refusesToDecodeAnIdOutsideTheVocabulary() {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.cut(1_024));
        String message = assertThrows(GerbilException.class, () -> tokenizer.decode(new int[] {1_024})).getMessage();
        assertTrue(message.contains("token 1024") && message.contains("gpt2-1024"), message);
    }
}
