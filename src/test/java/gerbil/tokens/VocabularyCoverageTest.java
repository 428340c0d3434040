package gerbil.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;

import gerbil.corpus.Document;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.Test;

import java.util.List;

class VocabularyCoverageTest {

    @Test
    void countsEntriesAndTheirUse() {
        List<Document> documents = List.of(new Document("a", "s", "b".repeat(150)), new Document("b", "s", "zé"));
        assertEquals(new VocabularyCoverage("gpt2-257", 256, 1, 4, 1, 1),
                VocabularyCoverage.of(Vocabulary.cut(257), documents));
    }
}
