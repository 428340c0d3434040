package gerbil.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import gerbil.kernels.Sampling;
import gerbil.model.GptJ;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.tokenizer.DjlTokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** Several texts at once, white space around holes and masks; what models write is asked in BlenderTrainingTest. */
class LanguageModelTest {

    private static final Sampling SAMPLING = new Sampling(1, 0, 1);

    private static NDManager manager;
    private static LanguageModel model;

    @BeforeAll
    static void open() {
        manager = NDManager.newBaseManager();
        model = new LanguageModel(GptJ.initialized(ModelSize.of("40k").config(Objective.BLENDER), manager, 5),
                Vocabulary.cut(1_024).withSpecialTokens());
    }

    @AfterAll
    static void close() {
        model.close();
        manager.close();
    }

    @Test
    void promptsAreWhatHuggingFacesLibraryMakesOfTheModelCards() {
        try (HuggingFaceTokenizer reference = DjlTokenizer.open(model.vocabulary())) {
            for (TaggedPrompt prompt : TaggedPrompt.ALL) {
                assertArrayEquals(reference.encode(prompt.text()).getIds(),
                        Arrays.stream(prompt.ids().apply(model)).asLongStream().toArray(), prompt.text());
            }
        }
    }

    @Test
    void textsTogetherAreThoseOfTheSeedsThatFollow() {
        int arrays = model.model().manager().getManagedArrays().size();
        List<String> texts = model.continueText("class", 3, 20, SAMPLING, Long.MAX_VALUE);
        assertEquals(Stream.of(Long.MAX_VALUE, Long.MIN_VALUE, Long.MIN_VALUE + 1)
                .map(seed -> model.continueText("class", 20, SAMPLING, seed)).toList(), texts);
        assertEquals(3, texts.stream().distinct().count());
        assertEquals(arrays, model.model().manager().getManagedArrays().size(), "nothing stays");
    }

    @Test
    void aPrefixsWhiteSpaceStandsInPlaceOfTheMiddles() {
        int begunWithSpace = 0;
        for (int seed = 0; seed < 40; seed++) {
            String middle = model.infill("a", "b", 3, SAMPLING, seed);
            assertEquals(middle.stripLeading(), model.infill("a \n", "b\n\n", 3, SAMPLING, seed));
            begunWithSpace += middle.equals(middle.stripLeading()) ? 0 : 1;
        }
        assertTrue(begunWithSpace > 0, "nothing to strip");
    }

    @Test
    void whiteSpaceBehindTheLastWordOfATextWithMasksStays() {
        String filled = model.fillMasks("a \t<single_tok_mask> b", SAMPLING, 1);
        assertTrue(filled.matches("(?s)a[^\t]+ b"), filled);
        assertEquals(filled + " \n", model.fillMasks("a<single_tok_mask> b \n", SAMPLING, 1));
    }

    @Test
    void nothingButWhiteSpaceIsNoTextAroundAHole() {
        assertThrows(GerbilException.class, () -> model.infill(" \n", "\u3000", 3, SAMPLING, 0));
    }
}
