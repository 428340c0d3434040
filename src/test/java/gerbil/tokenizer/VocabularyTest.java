package gerbil.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.charset.StandardCharsets;
import java.util.List;

class VocabularyTest {

    private static String merges(Vocabulary vocabulary) {
        return vocabulary.files().get("merges.txt");
    }

    @Test
    void mergesAreGpt2s() {
        List<String> lines = merges(Vocabulary.gpt2()).lines().toList();
        assertEquals(List.of("#version: 0.2", "Ġ t", "Ġ a", "h e", "i n", "r e", "o n", "Ġt he", "e r", "Ġ s", "a t"),
                lines.subList(0, 11));
        assertEquals(50_001, lines.size());
        assertEquals("Ġg azed", lines.get(50_000));
    }

    @Test
    void wholeVocabularyIsGpt2s() throws Exception {
        Vocabulary gpt2 = Vocabulary.gpt2();
        JsonNode ids = new JsonMapper().readTree(gpt2.files().get("vocab.json"));
        assertEquals("gpt2", gpt2.id());
        assertEquals(50_257, gpt2.size());
        assertEquals(50_257, ids.size());
        assertEquals(50_256, gpt2.endOfText());
        assertEquals(0, ids.get("!").intValue());
        assertEquals(220, ids.get("Ġ").intValue());
        assertEquals(198, ids.get("Ċ").intValue());
        assertEquals(262, ids.get("Ġthe").intValue());
        assertEquals(50_256, ids.get("<|endoftext|>").intValue());
        assertArrayEquals(" the".getBytes(StandardCharsets.UTF_8), gpt2.bytes(262));
    }

    @Test
    void cutKeepsTheFirstMergesAndEndsWithEndOfText() {
        Vocabulary cut = Vocabulary.cut(1_024);
        assertEquals("gpt2-1024", cut.id());
        assertEquals(1_024, cut.size());
        assertEquals(1_023, cut.endOfText());
        assertEquals(merges(Vocabulary.gpt2()).lines().limit(768).toList(), merges(cut).lines().toList());
        for (int token = 0; token < cut.endOfText(); token++) {
            assertArrayEquals(Vocabulary.gpt2().bytes(token), cut.bytes(token));
        }
    }

    @Test
    void tokenizerJsonNeverChanges() {
        assertEquals("99202f19dd2f720def0be533bf42372fc49084029284340ccb8572ef4c188518",
                Vocabulary.cut(1_024).sha256(), "token sets on people's disks carry this checksum");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 256, 50_258})
    void refusesSizesThatCannotBeCut(int size) {
        assertThrows(GerbilException.class, () -> Vocabulary.cut(size));
    }
}
