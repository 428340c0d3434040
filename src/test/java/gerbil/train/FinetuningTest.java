package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.base.WholeFile;
import gerbil.corpus.TextFolder;
import gerbil.hub.Export;
import gerbil.hub.Import;
import gerbil.hub.LanguageModel;
import gerbil.objective.Sequences;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.runs.Workspace;
import gerbil.spec.BaseModel;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

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

    /** Embedding and head alone, then all but the last layer; on each path, and with activations computed again. */
    @ParameterizedTest
    @CsvSource({"PLAIN, false, 2", "FUSED, false, 2", "FUSED, true, 2", "PLAIN, false, 1", "FUSED, false, 1",
        "FUSED, true, 1"})
    void whatIsFrozenStaysToTheLastBit(TrainingPath path, boolean recompute, int layers) throws IOException {
        RunSpec frozen = spec.withTokens(6 * SmallRun.BATCH).finetuning(spec.base().lastLayers(layers));
        RunDirectory directory = RunDirectory.of(folder.resolve("frozen"), frozen);
        StepSettings settings = new StepSettings(path, Precision.FLOAT32, 2, 64, 300, recompute, 1);
        Trainer trainer = new Trainer(frozen, tokens, directory, () -> settings, TrainingListener.NONE, Duration.ZERO)
                .from(imported);
        trainer.run();
        String sha256;
        try (TrainedModel tuned = TrainedModel.open(directory)) {
            Map<String, NDArray> before = imported.model().weights();
            tuned.model().weights().forEach((name, weight) -> assertEquals(
                    !name.startsWith("transformer.ln_f.") && !name.startsWith("transformer.h.1.")
                            && !(layers == 2 && name.startsWith("transformer.h.0.")),
                    weight.toByteBuffer().equals(before.get(name).toByteBuffer()), name));
            sha256 = tuned.sha256();
            assertTrue(tuned.card().markdown().contains("of which the last " + layers + " layers were trained"));
        }
        WholeFile.delete(directory.latestCheckpoint().orElseThrow().folder());
        Files.delete(directory.folder().resolve("result.json"));
        trainer.run();
        try (TrainedModel resumed = TrainedModel.open(directory)) {
            assertEquals(sha256, resumed.sha256());
        }
    }

    @Test
    void whatCannotBeFinetunedIsRefused() {
        assertRefused("0 trained layers of exported", () -> spec.base().lastLayers(0));
        assertRefused("1 to 2", () -> spec.base().lastLayers(3));
        RunSpec larger = Workspace.spec("92k", "A", tokens);
        assertRefused("exported of size 40k in a run of size 92k", () -> larger.finetuning(spec.base()));
        RunSpec star = Workspace.spec("40k", "A*", tokens);
        assertRefused("finetuning of exported by class A*", () -> star.finetuning(spec.base()));
        assertRefused("Gerbil-Astar-40k as what continues exported", () -> star.continuing(spec.base()));
        RunSpec blender = Workspace.spec("40k", "A", Objective.BLENDER, tokens).finetuning(spec.base());
        assertRefused("a row for each entry",
                () -> trainer(blender, RunDirectory.of(folder, blender)).from(imported));
        PreparedTokens others = Preparation.prepare(TextFolder.open(folder.resolve("texts")), Vocabulary.cut(900),
                folder.resolve("others"), 20_000, 1_000, 0, Progress.NONE);
        assertRefused("gpt2-900, that of the tokens", () -> Trainer.of(Workspace.spec("40k", "A", others)
                .finetuning(spec.base()), others, folder, TrainingListener.NONE).from(imported));
        assertRefused("class A* on tokens of the vocabulary gpt2-900", () -> Workspace.spec("40k", "A*", others));
    }

    /** A* goes on with the text that A has not seen, from A's weights, to the steps of B. */
    @Test
    void aStarClassContinuesAFinishedRun() {
        RunSpec star = Workspace.spec("40k", "A*", tokens);
        RunSpec whole = star.before().orElseThrow();
        assertRefused("train Gerbil-A-40k first", () -> TrainedModel.before(star, folder));
        assertRefused("without its base model", () -> trainer(star, RunDirectory.of(folder, star)).run());
        RunResult finished = Trainer.of(whole, tokens, folder, TrainingListener.NONE).run();
        try (TrainedModel base = TrainedModel.before(star, folder)) {
            RunSpec some = star.withTokens(20L * star.batchTokens()).continuing(base.base());
            RunResult continued = Trainer.of(some, tokens, folder, TrainingListener.NONE).from(base).run();
            assertTrue(continued.heldoutLoss() < finished.heldoutLoss(), continued + " after " + finished);
            RunDirectory directory = RunDirectory.of(folder, some);
            assertTrue(directory.folder().startsWith(folder.resolve("Gerbil-Astar-40k")));
            try (TrainingSetup setup = TrainingSetup.of(some, directory.settings().orElseThrow())) {
                setup.model().load(base.model().weights());
                double loss = setup.step().backward(Sequences.of(some, tokens.train()),
                        (long) whole.steps() * whole.batchSequences(), some.batchSequences()).mean();
                assertEquals(loss, directory.metrics().get(0).loss(), 1e-6);
            }
        }
    }

    private static void assertRefused(String mentioned, Executable action) {
        String message = assertThrows(GerbilException.class, action).getMessage();
        assertTrue(message.contains(mentioned), message);
    }
}
