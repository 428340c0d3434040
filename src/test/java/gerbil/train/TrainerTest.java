package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.model.Devices;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.RunRecord;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.TrainingPath;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.PreparedTokens;
import gerbil.tokens.SmallTokenSet;
import gerbil.tokens.TokenSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

class TrainerTest {

    private static final int STEPS = 120;
    private static final TrainingListener NO_STEP = (metrics, steps) -> {
        throw new AssertionError("step " + metrics.step() + " was trained");
    };

    @TempDir
    private static Path shared;
    private static PreparedTokens tokens;

    @TempDir
    private Path folder;
    private RunSpec spec;
    private RunDirectory directory;

    @BeforeAll
    static void prepare() {
        tokens = TestTokens.prepare(shared, 40_000);
    }

    @BeforeEach
    void choose() {
        spec = SmallRun.of(tokens, STEPS);
        directory = RunDirectory.of(folder, spec);
    }

    private Trainer trainer(RunSpec run, TrainingListener listener) {
        return new Trainer(run, tokens, directory, () -> SmallRun.settings(TrainingPath.FUSED, 2), listener,
                Duration.ofHours(1));
    }

    private static void assertRefused(Executable action, String... mentioned) {
        String message = assertThrows(GerbilException.class, action).getMessage();
        for (String text : mentioned) {
            assertTrue(message.contains(text), message);
        }
    }

    private List<String> files(Path parent) throws IOException {
        try (Stream<Path> list = Files.list(parent)) {
            return list.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aRunLeavesItsRecordMetricsCheckpointAndResult() throws IOException {
        RunResult result = Trainer.of(spec, tokens, folder, TrainingListener.NONE).run();

        assertEquals(folder.resolve("Gerbil-A-40k").resolve(spec.runId()), directory.folder());
        assertEquals(List.of("checkpoints", "lock", "metrics.jsonl", "result.json", "run.json"),
                files(directory.folder()));
        assertEquals(List.of("step-0000120"), files(directory.checkpoints()));
        assertEquals(List.of("manifest.json", "moments.safetensors", "weights.safetensors"),
                files(directory.checkpoints().resolve("step-0000120")));
        assertEquals(new RunRecord(spec, result.environment()), directory.record());
        assertEquals(tokens.train().manifest().corpus().hash(), result.environment().corpusHash());
        assertEquals(result, Json.read(directory.folder().resolve("result.json"), RunResult.class));
        assertEquals(result, directory.result().orElseThrow());
        assertEquals(STEPS, Files.readAllLines(directory.metricsFile()).size());
    }

    @Test
    void metricsFollowTheScheduleAndResultsFollowTheMetrics() {
        RunResult result = trainer(spec, TrainingListener.NONE).run();
        List<StepMetrics> metrics = directory.metrics();
        CosineSchedule schedule = CosineSchedule.of(spec.optimizer(), STEPS);
        for (int step = 1; step <= STEPS; step++) {
            StepMetrics m = metrics.get(step - 1);
            assertEquals(step, m.step());
            assertEquals((long) step * SmallRun.BATCH, m.tokens());
            assertEquals(schedule.learningRate(step), m.learningRate());
            assertTrue(m.gradientNorm() > 0 && m.tokensPerSecond() > 0);
        }
        assertEquals(Math.min(STEPS, 50), result.trainingLossSteps());
        assertEquals(metrics.stream().skip(STEPS - result.trainingLossSteps()).mapToDouble(StepMetrics::loss).average()
                .orElseThrow(), result.trainingLoss(), 1e-12);
        assertEquals(metrics.stream().mapToDouble(StepMetrics::loss).average().orElseThrow(), result.wholeRunLoss(),
                1e-12);
        assertEquals(STEPS * (long) SmallRun.BATCH, result.tokens());
        assertEquals(spec.config().parameters(), result.parameters());
        assertTrue(result.wallSeconds() > 0);
    }

    @Test
    void trainingLowersTheLossFromAGuessAmongAllTokens() {
        RunResult result = trainer(spec, TrainingListener.NONE).run();
        assertEquals(Math.log(1_024), directory.metrics().get(0).loss(), 0.05);
        assertTrue(directory.metrics().get(STEPS - 1).loss() < 5.5 && result.heldoutLoss() < 5.5, result.toString());
    }

    @Test
    void aFinishedRunIsNotRunAgain() {
        RunResult result = trainer(spec, TrainingListener.NONE).run();
        assertEquals(result, trainer(spec, NO_STEP).run());
    }

    @Test
    void equalRunsAreEqualAndOtherSeedsAreNot() {
        Trainer.of(spec, tokens, folder, TrainingListener.NONE).run();
        Path again = folder.resolve("again");
        Trainer.of(spec, tokens, again, TrainingListener.NONE).run();
        assertEquals(withoutSpeed(directory), withoutSpeed(RunDirectory.of(again, spec)));
        RunSpec other = spec.withSeed(1);
        Trainer.of(other, tokens, again, TrainingListener.NONE).run();
        assertNotEquals(withoutSpeed(directory), withoutSpeed(RunDirectory.of(again, other)));
    }

    private static List<StepMetrics> withoutSpeed(RunDirectory run) {
        return run.metrics().stream().map(m -> new StepMetrics(m.step(), m.tokens(), m.loss(), m.learningRate(),
                m.gradientNorm(), 0)).toList();
    }

    @Test
    void aDirectoryOfAnotherRunIsRefused() {
        trainer(spec, TrainingListener.NONE).run();
        RunSpec other = spec.withSeed(1);
        assertRefused(() -> trainer(other, NO_STEP).run(), directory.folder().toString(),
                "differs from the one asked for in seed: 0 and 1.");
    }

    @Test
    void tokensOfAnotherCorpusAreRefused() {
        PreparedTokens others = TestTokens.prepare(folder.resolve("others"), 20_000);
        assertRefused(() -> Trainer.of(spec, others, folder, NO_STEP), others.train().hash(), spec.data());
    }

    @Test
    void tokensOfAnotherVocabularyAreRefused() {
        RunSpec paper = RunSpec.of(ModelSize.of("3.3m"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2",
                tokens.train().hash(), tokens.heldout().hash());
        assertRefused(() -> Trainer.of(paper, tokens, folder, NO_STEP), "vocabulary gpt2-1024", "vocabulary gpt2 ");
    }

    @Test
    void tooFewTokensAreRefusedBeforeTraining() {
        PreparedTokens noHeldOut = new PreparedTokens(tokens.train(), written("heldout", SmallRun.LENGTH - 1));
        assertRefused(() -> Trainer.of(SmallRun.of(noHeldOut, STEPS), noHeldOut, folder, NO_STEP),
                "64 tokens in " + folder.resolve("heldout"), "at least 65");
        PreparedTokens noTrain = new PreparedTokens(written("train", 10), tokens.heldout());
        assertRefused(() -> Trainer.of(SmallRun.of(noTrain, STEPS), noTrain, folder, NO_STEP),
                "11 tokens in " + folder.resolve("train"), "at least 65");
    }

    private TokenSet written(String name, int ids) {
        return SmallTokenSet.write(folder.resolve(name), Vocabulary.cut(1_024), IntStream.range(0, ids).toArray());
    }

    @Test
    void thePlanMeasuresARealStep() {
        BudgetPlan plan = BudgetPlan.measure(spec, tokens.train(), SmallRun.settings(TrainingPath.PLAIN, 2));
        assertTrue(plan.secondsPerStep() > 0);
        assertEquals(plan.secondsPerStep() * STEPS, plan.seconds(), 1e-9);
        assertEquals(4, plan.settings().microBatch() * plan.accumulation());
        assertEquals(STEPS * 4.0 / ((tokens.train().tokens() - 1) / SmallRun.LENGTH), plan.epochs(), 1e-9);
    }

    @Test
    void plansOfSeveralRunsTellHowFarTheyAre() {
        List<String> told = new ArrayList<>();
        List<RunSpec> specs = List.of(spec, spec.withSeed(1));
        assertEquals(specs, BudgetPlan.measure(specs, tokens.train(), (what, done, total, unit) ->
                told.add(done + " of " + total)).stream().map(BudgetPlan::spec).toList());
        assertEquals(List.of("0 of 2", "1 of 2", "2 of 2"), told);
    }

    @Test
    void microBatchesDivideTheBatchAndBoundItsLogits() {
        for (ModelSize size : ModelSize.ALL) {
            RunSpec run = RunSpec.of(size, BudgetClass.A, Objective.CAUSAL, 0, "any", "data", "heldout");
            int microBatch = StepTuning.choose(run, TrainingPath.PLAIN).microBatch();
            assertEquals(0, run.batchSequences() % microBatch);
            long logits = 4L * microBatch * run.sequenceLength() * run.config().vocabulary();
            assertTrue(microBatch == 1 || logits <= 64 << 20 || Devices.of(run.config()).isGpu(), size.name());
        }
    }

    @Test
    void aRunWhoseFolderIsDeletedStopsWithASentence() {
        assertRefused(() -> trainer(spec, (metrics, steps) -> {
            if (metrics.step() == 3) {
                delete(directory.folder());
            }
        }).run(), "no folder " + directory.folder() + " any more at step 3", "train again");
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aListenerIsToldWhatWasDoneBefore() {
        List<Integer> before = new ArrayList<>();
        TrainingListener listener = new TrainingListener() {
            @Override
            public void begin(List<StepMetrics> steps, int ofSteps) {
                before.add(steps.size());
            }

            @Override
            public void step(StepMetrics metrics, int steps) {
            }
        };
        trainer(spec, listener).run();
        trainer(spec, listener).run();
        assertEquals(List.of(0, STEPS), before);
    }
}
