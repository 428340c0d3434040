package gerbil.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunRecord;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

class JsonTest {

    private static final RunSpec SPEC = RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 7,
            "gpt2-1024", "data", "heldout").withLearningRate(1.0 / 3);
    private static final RunEnvironment ENVIRONMENT = new RunEnvironment("0.1.0 (abc)", "cpu (\"x\")", 2, "PyTorch",
            "17", "a corpus", "00ff",
            new StepSettings(TrainingPath.FUSED, Precision.BFLOAT16, 4, 64, 8, false, 1), "2026-01-01T00:00:00Z");

    @TempDir
    private Path folder;

    @Test
    void recordsReadBackAsTheyWereWritten() throws IOException {
        for (Record value : List.of(SPEC, new RunRecord(SPEC, ENVIRONMENT), new RunResult(SPEC, ENVIRONMENT, 39_664,
                800_000, 0.1 + 0.2, Math.PI, 1e-300, Double.MAX_VALUE, 12.5, 7, 2, 5L << 30, List.of(ENVIRONMENT)),
                new StepMetrics(3, 1L << 40, 1.0 / 3, 1e-3, 0.7, 1e6))) {
            Path file = folder.resolve("value.json");
            Json.write(file, value);
            assertEquals(value, Json.read(file, value.getClass()));
            assertEquals(value, Json.parse(Json.line(value), value.getClass(), "a line"));
        }
    }

    /** As of results from before a GPU's memory was noted, and of those of a processor. */
    @Test
    void resultsWithoutDeviceMemoryStayWithoutIt() throws IOException {
        RunResult result = Json.read(Path.of("results/runs/Gerbil-A-92k-seed0-a8c3b262.json"), RunResult.class);
        assertNull(result.deviceMemory());
        assertFalse(Json.line(result).contains("deviceMemory"));
    }

    @Test
    void writingReplacesTheFileAndLeavesNothingElse() throws IOException {
        Path file = folder.resolve("value.json");
        Json.write(file, SPEC);
        Json.write(file, SPEC.withTokens(5));
        assertEquals(5, Json.read(file, RunSpec.class).tokens());
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(file), files.toList());
        }
    }

    @Test
    void brokenFilesAreNamed() throws IOException {
        Path file = folder.resolve("value.json");
        for (String text : List.of("", "{", "{\"size\": ", "{\"unknown\": 1}", "[]", "{\"size\": \"33m\"}")) {
            Files.writeString(file, text);
            String message = assertThrows(GerbilException.class, () -> Json.read(file, RunSpec.class)).getMessage();
            assertTrue(message.contains(file.toString()), message);
        }
    }
}
