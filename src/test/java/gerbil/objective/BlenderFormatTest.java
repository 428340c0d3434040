package gerbil.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.spec.BlendedObjective;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

import java.util.Arrays;

/** The published examples, token for token; the space before their end is no token. */
class BlenderFormatTest {

    private static final Vocabulary VOCABULARY = Vocabulary.gpt2().withSpecialTokens();
    private static final Tokenizer TOKENIZER = new Tokenizer(VOCABULARY);
    private static final BlenderFormat FORMAT = new BlenderFormat(VOCABULARY);

    private static void assertPublished(String published, String text, int[] example) {
        assertEquals(published, TOKENIZER.decodeTagged(example));
        assertArrayEquals(TOKENIZER.encodeTagged(published), example);
        assertEquals(text, TOKENIZER.decode(FORMAT.undo(example)));
    }

    @Test
    void fillInTheMiddle() {
        String text = " this is an example text for fill-in-the-middle";
        int[] example = FORMAT.fillInTheMiddle(TOKENIZER.encode(text), 3, 5);
        assertPublished("<fitm_start> this is an <multiple_tok_mask> for fill-in-the-middle <fitm_result> example text"
                + "<|endoftext|>", text, example);
        assertEquals(BlendedObjective.FILL_IN_THE_MIDDLE, FORMAT.objective(example));
        assertArrayEquals(FORMAT.fillPrompt(TOKENIZER.encode(" this is an"),
                TOKENIZER.encode(" for fill-in-the-middle")),
                Arrays.copyOf(example, FORMAT.answer(example)));
    }

    @Test
    void causal() {
        String text = " this is an example text for causal language modelling";
        int[] example = FORMAT.causal(TOKENIZER.encode(text));
        assertPublished("<causal> this is an example text for causal language modelling<|endoftext|>", text, example);
        assertEquals(BlendedObjective.CAUSAL, FORMAT.objective(example));
    }

    @Test
    void masked() {
        String text = " this is an example text for masked language modelling";
        int[] example = FORMAT.masked(TOKENIZER.encode(text), 3);
        assertPublished("<mlm_start> this is an <single_tok_mask> text for masked language modelling <mlm_end> example"
                + "<|endoftext|>", text, example);
        assertEquals(BlendedObjective.MASKED, FORMAT.objective(example));
    }

    @Test
    void severalMasksHaveTheirOriginalsInOrder() {
        String text = " this is an example text for masked language modelling";
        assertPublished("<mlm_start> <single_tok_mask> is an <single_tok_mask> <single_tok_mask> for masked language "
                + "modelling <mlm_end> this example text<|endoftext|>", text,
                FORMAT.masked(TOKENIZER.encode(text), 0, 3, 4));
    }

    @Test
    void spansMayBeginOrEndTheText() {
        int[] text = TOKENIZER.encode("one two three");
        assertArrayEquals(text, FORMAT.undo(FORMAT.fillInTheMiddle(text, 0, 1)));
        assertArrayEquals(text, FORMAT.undo(FORMAT.fillInTheMiddle(text, 2, 3)));
    }

    private static void assertRefused(Executable action, String... mentioned) {
        String message = assertThrows(GerbilException.class, action).getMessage();
        for (String text : mentioned) {
            assertTrue(message.contains(text), message);
        }
    }

    @Test
    void whatCannotBeAskedIsRefused() {
        int[] text = TOKENIZER.encode("one two three");
        assertRefused(() -> FORMAT.fillInTheMiddle(text, 1, 5), "a text of 3 tokens", "1 to 4", "shorter span");
        assertRefused(() -> FORMAT.fillInTheMiddle(text, 0, 3), "longer");
        assertRefused(() -> FORMAT.fillInTheMiddle(text, 1, 1), "at least one token");
        assertRefused(() -> FORMAT.masked(text, 0, 1, 2), "3 of 3 tokens masked", "leave some of the text visible");
        assertRefused(() -> FORMAT.masked(text), "0 of 3 tokens masked", "put a mask");
        assertRefused(() -> FORMAT.masked(text, 1, 1), "ascending");
        assertRefused(() -> FORMAT.masked(text, 3), "a text of 3 tokens");
        assertRefused(() -> FORMAT.causal(TOKENIZER.encodeTagged("a <causal> b")), "token 50260 in a text");
        assertRefused(() -> FORMAT.causal(new int[] {1, VOCABULARY.endOfText()}), "documents one by one");
        assertRefused(() -> new BlenderFormat(Vocabulary.gpt2()), "gpt2 without <fitm_start>", "withSpecialTokens");
    }

    @Test
    void onlyWholeExamplesAreUndone() {
        for (String broken : new String[] {"", "text", "<causal> no end", "<causal> two <causal> tags <|endoftext|>",
            "<fitm_start> a <fitm_result> b <|endoftext|>",
            "<fitm_start> a <fitm_result> b <multiple_tok_mask><|endoftext|>",
            "<mlm_start> a <single_tok_mask> b <mlm_end> c d <|endoftext|>", "<mlm_start> a b <|endoftext|>"}) {
            assertThrows(GerbilException.class, () -> FORMAT.undo(TOKENIZER.encodeTagged(broken)), broken);
        }
    }
}
