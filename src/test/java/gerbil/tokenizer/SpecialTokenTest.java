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
import java.util.stream.IntStream;
import java.util.stream.Stream;

class SpecialTokenTest {

    static final List<String> PUBLISHED = List.of(
            "<fitm_start> this is an <multiple_tok_mask> for fill-in-the-middle <fitm_result> example text "
                    + "<|endoftext|>",
            "<causal> this is an example text for causal language modelling <|endoftext|>",
            "<mlm_start> this is an <single_tok_mask> text for masked language modelling <mlm_end> example "
                    + "<|endoftext|>");

    @Test
    void idsAreThePublishedOnes() throws Exception {
        Vocabulary vocabulary = Vocabulary.gpt2().withSpecialTokens();
        assertEquals("{\"<fitm_start>\":50257,\"<multiple_tok_mask>\":50258,\"<fitm_result>\":50259,\"<causal>\":50260,"
                + "\"<mlm_start>\":50261,\"<single_tok_mask>\":50262,\"<mlm_end>\":50263}",
                vocabulary.addedTokensJson());
        assertEquals(50_264, vocabulary.size());
        assertEquals(50_256, vocabulary.endOfText());
        assertEquals(Vocabulary.gpt2().vocabJson(), vocabulary.vocabJson());
        assertEquals("{}", Vocabulary.gpt2().addedTokensJson());

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
            assertArrayEquals(ids, tokenizer.encodeTagged(tokenizer.decodeTagged(ids)));
        }
        assertEquals("a  <causal>b\n <mlm_end>",
                tokenizer.decodeTagged(tokenizer.encodeTagged("a  <causal>b\n<mlm_end>")), "only one space is a tag's");
        assertThrows(GerbilException.class, () -> new Tokenizer(Vocabulary.cut(size)).encodeTagged("<causal> a"));
    }

    /** Hugging Face's library reads the exported tokenizer.json: a published prompt becomes the ids trained on. */
    @ParameterizedTest
    @ValueSource(ints = {1_024, 50_257})
    void exportedTokenizerReadsThePublishedPrompts(int size) {
        Vocabulary vocabulary = Vocabulary.cut(size).withSpecialTokens();
        Tokenizer tokenizer = new Tokenizer(vocabulary);
        try (HuggingFaceTokenizer reference = DjlTokenizer.open(vocabulary)) {
            for (String text : PUBLISHED) {
                String prompt = text.replace(" " + Vocabulary.END_OF_TEXT, "");
                int[] ids = tokenizer.encodeTagged(prompt);
                assertArrayEquals(ids, Arrays.stream(reference.encode(prompt).getIds()).mapToInt(Math::toIntExact)
                        .toArray());
                assertEquals(tokenizer.decode(ids),
                        reference.decode(Arrays.stream(ids).asLongStream().toArray(), false));
            }
        }
    }
}
