package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.hub.Export;
import gerbil.hub.Import;
import gerbil.hub.LanguageModel;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.spec.BaseModel;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

class FinetuningTest {

    private static final int STEPS = 40;

    @TempDir
    private Path folder;
    private PreparedTokens tokens;
    private RunResult first;
    private LanguageModel imported;
    private RunSpec spec;

    /** A trained model that went through an export and an import. */
    @BeforeEach
    void train() throws IOException {
        tokens = TestTokens.prepare(folder, 20_000);
        RunSpec fresh = SmallRun.of(tokens, STEPS);
        RunDirectory directory = RunDirectory.of(folder, fresh);
        first = trainer(fresh, directory).run();
        try (TrainedModel trained = TrainedModel.open(directory)) {
            Export.write(trained, trained.card(), folder.resolve("exported"));
        }
        imported = Import.open(folder.resolve("exported"));
        spec = fresh.finetuning(new BaseModel("exported", imported.sha256(), imported.model().config()));
    }

    @AfterEach
    void close() {
        imported.close();
    }

    private Trainer trainer(RunSpec run, RunDirectory directory) {
        return new Trainer(run, tokens, directory, () -> SmallRun.settings(TrainingPath.FUSED, 2),
                TrainingListener.NONE, Duration.ofHours(1));
    }

    @Test
    void finetuningGoesOnFromTheWeights() {
        RunDirectory directory = RunDirectory.of(folder, spec);
        RunResult result = trainer(spec, directory).from(imported).run();
        assertTrue(directory.folder().startsWith(folder.resolve("exported-finetuned")));
        assertEquals(spec, Json.parse(Json.line(spec), RunSpec.class, "the record"));
        assertTrue(directory.metrics().get(0).loss() < Math.log(1_024) - 1, "not a guess among all tokens");
        assertTrue(result.heldoutLoss() < first.heldoutLoss(), result + " after " + first);
        try (TrainedModel finetuned = TrainedModel.open(directory)) {
            assertNotEquals(imported.sha256(), finetuned.sha256());
            assertTrue(finetuned.card().markdown().contains("the weights of exported (SHA-256 " + imported.sha256()));
        }
    }

    @Test
    void theBaseModelIsTheSpecifications() {
        RunSpec other = spec.finetuning(new BaseModel("other", "0".repeat(64), imported.model().config()));
        assertRefused("give the model that", () -> trainer(other, RunDirectory.of(folder, other)).from(imported));
        RunSpec fresh = SmallRun.of(tokens, STEPS);
        assertRefused("random weights", () -> trainer(fresh, RunDirectory.of(folder, fresh)).from(imported));
        assertRefused("without its base model", () -> trainer(spec, RunDirectory.of(folder, spec)).run());
    }

    private static void assertRefused(String mentioned, Executable action) {
        String message = assertThrows(GerbilException.class, action).getMessage();
        assertTrue(message.contains(mentioned), message);
    }
}
