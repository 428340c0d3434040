package gerbil.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.train.TestTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What environment/bench reads from the commands; how fast they were is nobody's business here. */
class BenchCommandsTest {

    @TempDir
    private Path folder;

    @Test
    void aStepIsOneLineOfJson() throws IOException {
        TestTokens.prepare(folder, 20_000);
        JsonNode step = json("bench-step", "--size", "40k", "--micro-batch", "4", "--warm-up", "1", "--steps", "2",
                "--precision", "float32", "--tokens-folder", folder.resolve("tokens").toString());
        assertEquals("40k", step.get("size").asText());
        assertEquals(4, step.get("settings").get("microBatch").asInt());
        assertEquals("FLOAT32", step.get("settings").get("precision").asText());
        assertEquals(128, step.get("sequenceLength").asInt());
        assertEquals(2, step.get("stepSeconds").size());
        assertTrue(step.get("tokensPerSecond").asDouble() > 0, step.toString());
        assertTrue(step.get("headSeconds").asDouble() > 0, step.toString());
        assertTrue(step.get("optimizerSeconds").asDouble() > 0, step.toString());
        double chance = Math.log(1024);
        assertEquals(chance, step.get("loss").asDouble(), chance / 4);
    }

    @Test
    void aSampleIsOneLineOfJson() throws IOException {
        JsonNode sample = json("bench-sample", "--size", "40k", "--tokens", "5", "--batch", "3");
        assertEquals(5, sample.get("tokens").asInt());
        assertTrue(sample.get("tokensPerSecond").asDouble() > 0, sample.toString());
    }

    @Test
    void aScoreIsOneLineOfJson() throws IOException {
        Path requests = folder.resolve("requests.jsonl");
        Files.writeString(requests, """
                {"context": "public static", "text": " void"}
                {"context": "", "text": "import"}
                """);
        for (int round = 0; round < 2; round++) { // exports the model, then reads it
            JsonNode score = json("bench-score", "--size", "40k", "--requests", requests.toString(), "--choices",
                    requests.toString(), "--export", folder.resolve("export").toString(), "--warm-up", "1");
            assertEquals(4, score.get("nats").size());
            assertTrue(score.get("nats").get(0).asDouble() < 0, score.toString());
            assertTrue(score.get("requestsPerSecond").asDouble() > 0, score.toString());
            assertTrue(score.get("choicesPerSecond").asDouble() > 0, score.toString());
        }
    }

    @Test
    void whatTheArchiveIsMadeOfRuns() {
        assertEquals(0, Gerbil.run("rehearse", "--texts", "src/main/java", "--out", folder.resolve("new").toString()));
    }

    private static JsonNode json(String... arguments) throws IOException {
        PrintStream out = System.out;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            assertEquals(0, Gerbil.run(arguments));
        } finally {
            System.setOut(out);
        }
        String line = printed.toString(StandardCharsets.UTF_8);
        assertEquals(1, line.lines().count(), line);
        return new ObjectMapper().readTree(line);
    }
}
