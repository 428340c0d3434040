package gerbil.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

class SpecialTokenTest {

    /** But for the space before their end: {@code <|endoftext|>} does not take it along. */
    private static final List<String> PUBLISHED = List.of(
            "<fitm_start> this is an <multiple_tok_mask> for fill-in-the-middle <fitm_result> "
                    + "example text<|endoftext|>",
            "<causal> this is an example text for causal language modelling<|endoftext|>",
            "<mlm_start> this is an <single_tok_mask> text for masked language modelling <mlm_end> "
                    + "example<|endoftext|>");

    private static final Set<Integer> NO_TEXT = Set.of((int) Character.SURROGATE, (int) Character.PRIVATE_USE);

    @Test
    void idsAreThePublishedOnes() throws Exception {
        Vocabulary vocabulary = Vocabulary.gpt2().withSpecialTokens();
        assertEquals("{\"<fitm_start>\":50257,\"<multiple_tok_mask>\":50258,\"<fitm_result>\":50259,\"<causal>\":50260,"
                + "\"<mlm_start>\":50261,\"<single_tok_mask>\":50262,\"<mlm_end>\":50263}",
                vocabulary.files().get("added_tokens.json"));
        assertEquals(50_264, vocabulary.size());
        assertEquals(50_256, vocabulary.endOfText());
        assertEquals(Vocabulary.gpt2().files().get("vocab.json"), vocabulary.files().get("vocab.json"));
        assertFalse(Vocabulary.gpt2().files().containsKey("added_tokens.json"));

        JsonNode added = new JsonMapper().readTree(vocabulary.tokenizerJson()).get("added_tokens");
        assertEquals(8, added.size());
        for (int i = 0; i < added.size(); i++) {
            assertEquals(50_256 + i, added.get(i).get("id").intValue());
            assertTrue(added.get(i).get("special").booleanValue());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {257, 1_024, 50_257})
    void followEndOfTextInAnyVocabulary(int size) {
        Vocabulary text = Vocabulary.cut(size);
        Vocabulary vocabulary = text.withSpecialTokens();
        assertArrayEquals(IntStream.range(size, size + 7).toArray(),
                Stream.of(SpecialToken.values()).mapToInt(vocabulary::id).toArray());
        for (SpecialToken token : SpecialToken.values()) {
            assertEquals(token.text(), new Tokenizer(vocabulary).decode(new int[] {vocabulary.id(token)}));
        }
        assertEquals(text.sha256(), vocabulary.sha256(), "token sets serve both");
        assertEquals(vocabulary, vocabulary.withSpecialTokens());
        assertFalse(text.hasSpecialTokens());
        String message = assertThrows(GerbilException.class, () -> text.id(SpecialToken.CAUSAL)).getMessage();
        assertTrue(message.contains(text.id() + " without <causal>") && message.contains("withSpecialTokens"), message);
    }

    @ParameterizedTest
    @ValueSource(ints = {1_024, 50_257})
    void textNeverBecomesOne(int size) {
        Vocabulary vocabulary = Vocabulary.cut(size).withSpecialTokens();
        Tokenizer tokenizer = new Tokenizer(vocabulary);
        for (String text : PUBLISHED) {
            int[] ids = tokenizer.encode(text);
            assertTrue(Arrays.stream(ids).allMatch(id -> id < vocabulary.endOfText()));
            assertEquals(text, tokenizer.decode(ids));
            assertArrayEquals(new Tokenizer(Vocabulary.cut(size)).encode(text), ids);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1_024, 50_257})
    void publishedExamplesAreReadAndWrittenAsTheyStand(int size) {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.cut(size).withSpecialTokens());
        for (String text : PUBLISHED) {
            int[] ids = tokenizer.encodeTagged(text);
            assertEquals(text, tokenizer.decodeTagged(ids));
        }
        assertEquals("a <causal>b\n<|endoftext|> <mlm_end> ",
                tokenizer.decodeTagged(tokenizer.encodeTagged("a\u3000\n<causal>b\n<|endoftext|><mlm_end> ")));
    }

    @ParameterizedTest
    @ValueSource(ints = {257, 1_024, 50_257})
    void textWithTagsIsReadAsHuggingFacesLibraryReadsTheExport(int size) {
        for (Vocabulary vocabulary : List.of(Vocabulary.cut(size), Vocabulary.cut(size).withSpecialTokens())) {
            Tokenizer tokenizer = new Tokenizer(vocabulary);
            try (HuggingFaceTokenizer reference = DjlTokenizer.open(vocabulary)) {
                List<String> generated = Texts.spaced(1_000, 5, Texts.TAGS);
                for (String text : Stream.concat(PUBLISHED.stream(), generated.stream()).toList()) {
                    int[] ids = tokenizer.encodeTagged(text);
                    long[] longs = Arrays.stream(ids).asLongStream().toArray();
                    assertArrayEquals(reference.encode(text).getIds(), longs, text);
                    assertEquals(tokenizer.decode(ids), reference.decode(longs, false));
                    assertArrayEquals(ids, tokenizer.encodeTagged(tokenizer.decodeTagged(ids)), text);
                }
            }
        }
    }

    /** A tag after each character that Unicode has assigned. */
    @Test
    void takeTheCharactersThatHuggingFacesLibraryTakes() {
        Vocabulary vocabulary = Vocabulary.cut(257).withSpecialTokens();
        Tokenizer tokenizer = new Tokenizer(vocabulary);
        try (HuggingFaceTokenizer reference = DjlTokenizer.open(vocabulary)) {
            for (int first = 0; first <= Character.MAX_CODE_POINT; first += 0x100) {
                String text = IntStream.range(first, first + 0x100)
                        .filter(point -> Character.isDefined(point) && !NO_TEXT.contains(Character.getType(point)))
                        .mapToObj(point -> Character.toString(point) + SpecialToken.CAUSAL.text())
                        .collect(Collectors.joining());
                assertArrayEquals(reference.encode(text).getIds(),
                        Arrays.stream(tokenizer.encodeTagged(text)).asLongStream().toArray(),
                        "from U+" + Integer.toHexString(first));
            }
        }
    }
}
