package gerbil.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.base.Progress;
import gerbil.spec.Scale;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;

class WorkspaceTest {

    @Test
    void aCorpusOfOnesOwnIsPreparedUnderItsName(@TempDir Path home) throws IOException {
        Path texts = Files.createDirectory(home.resolve("my texts"));
        Files.write(texts.resolve("a.jsonl"), IntStream.range(0, 500)
                .mapToObj(i -> "{\"text\": \"On day " + i + " the gerbil ran " + i * 7 % 13 + " rounds.\"}").toList());
        String corpus = texts.toString();
        Workspace workspace = new Workspace(home);
        PreparedTokens tokens = workspace.prepare(Scale.NANO, corpus, Progress.NONE);
        assertEquals(home.resolve("data/tokens/my texts-nano"), tokens.folder());
        assertEquals(500, tokens.train().manifest().documents() + tokens.heldout().manifest().documents());
        assertEquals(tokens.train().hash(), workspace.prepare(Scale.NANO, corpus, Progress.NONE).train().hash());
        Files.writeString(texts.resolve("b.txt"), "One more.");
        assertTrue(assertThrows(GerbilException.class, () -> workspace.prepare(Scale.NANO, corpus, Progress.NONE))
                .getMessage().contains("tokens of corpus "));
    }
}
