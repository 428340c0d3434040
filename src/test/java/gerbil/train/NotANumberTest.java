package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import gerbil.base.GerbilException;
import gerbil.hub.Export;
import gerbil.hub.Import;
import gerbil.objective.Sequences;
import gerbil.runs.Checkpoint;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.MetricsLog;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.safetensors.SafeTensors;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Losses, gradients and weights that are NaN or infinite, and losses that stand out. */
class NotANumberTest {

    private static final String BIAS = "lm_head.bias";

    @TempDir
    private static Path shared;
    private static PreparedTokens tokens;

    @TempDir
    private Path folder;
    private final List<String> notes = new ArrayList<>();

    @BeforeAll
    static void prepare() {
        tokens = TestTokens.prepare(shared, 40_000);
    }

    private final class Noting implements TrainingListener {

        @Override
        public void step(StepMetrics metrics, int steps) {
        }

        @Override
        public void note(String sentence) {
            notes.add(sentence);
        }
    }

    private static String refusal(Executable action) {
        return assertThrows(GerbilException.class, action).getMessage();
    }

    private Trainer trainer(RunSpec spec, RunDirectory run) {
        return new Trainer(spec, tokens, run, () -> SmallRun.settings(TrainingPath.FUSED, 2), new Noting(),
                Duration.ofHours(1));
    }

    private static void backward(TrainingSetup setup, Sequences data, int batch) {
        setup.step().backward(data, 4L * batch, 4).mean();
    }

    private static void poison(NDArray array) {
        array.set(new NDIndex("0"), Float.NaN);
    }

    /** As if the batch had not been there: weights, moments, and how many updates the moments are corrected for. */
    @ParameterizedTest
    @CsvSource({"PLAIN, FLOAT32, false, 1", "FUSED, FLOAT32, false, 1", "FUSED, FLOAT32, true, 1",
        "FUSED, FLOAT32, false, 2", "FUSED, BFLOAT16, false, 1", "FUSED, FLOAT16, false, 1"})
    void anUpdateWithoutNumbersIsLeftOut(TrainingPath path, Precision precision, boolean recompute, int workers) {
        RunSpec spec = SmallRun.of(tokens, 4);
        Sequences data = Sequences.of(spec, tokens.train());
        StepSettings settings = new StepSettings(path, precision, 2, 64, 300, recompute, workers);
        try (TrainingSetup spared = TrainingSetup.of(spec, settings);
             TrainingSetup hit = TrainingSetup.of(spec, settings)) {
            for (TrainingSetup setup : List.of(spared, hit)) {
                backward(setup, data, 0);
                setup.optimizer().step(1e-2);
            }
            backward(hit, data, 1);
            poison(hit.model().weights().get(BIAS).getGradient());
            assertFalse(Double.isFinite(hit.optimizer().step(1e-2)));
            backward(hit, data, 1);
            assertFalse(Double.isFinite(hit.optimizer().step(1e-2, hit.manager().create(new float[] {1, Float.NaN}))));
            assertEquals(2, hit.optimizer().lossScale().skipped());

            // float16's scale was halved meanwhile, which may round its smallest gradients otherwise
            double bound = precision == Precision.FLOAT16 ? 1e-4 : 0;
            for (TrainingSetup setup : List.of(spared, hit)) {
                backward(setup, data, 2);
                setup.optimizer().step(1e-2);
            }
            Map<String, NDArray> expected = spared.model().weights();
            hit.model().weights().forEach((name, weight) -> assertArrayEquals(expected.get(name).toFloatArray(),
                    weight.toFloatArray(), (float) bound, name));
        }
    }

    /** The learning rate takes the weights to where no batch has a loss. */
    @Test
    void tenBatchesWithoutNumbersEndTheRunAndItGoesOnAfterThem() throws IOException {
        RunSpec spec = SmallRun.of(tokens, 30).withLearningRate(1e30);
        RunDirectory run = RunDirectory.at(folder.resolve("run"));
        for (int end : new int[] {11, 21}) {
            String message = refusal(() -> trainer(spec, run).run());
            assertTrue(message.contains("10 batches one after another, up to that of step " + end + ",")
                    && message.contains("lower learning rate than 1.0E30") && message.contains(run.batches().toString()),
                    message);
            assertEquals(end, run.latestCheckpoint().orElseThrow().step());
            assertEquals(end - 1, run.metrics().stream().filter(StepMetrics::leftOut).count());
            assertEquals(end - 1, notes.size());
        }
        assertTrue(notes.get(0).startsWith("The batch of step 2 was left out: its loss is NaN, its gradient's norm NaN.")
                && notes.get(0).contains(run.batches().resolve("step-0000002.txt").toString()), notes.get(0));
        String message = refusal(() -> trainer(spec, run).run());
        assertTrue(message.contains("held-out loss of NaN after the last step"), message);
        assertTrue(run.result().isEmpty());
    }

    /**
     * The scale is as large in the checkpoint as no run has it, so that float16 overflows until it is halved; stopped
     * before, between and behind the steps that are left out, the run ends with the same bits.
     */
    @Test
    void stepsThatAreLeftOutAreCountedAndGoneOnBehind() throws IOException {
        RunSpec spec = SmallRun.of(tokens, 50);
        RunDirectory run = RunDirectory.at(folder.resolve("run"));
        StepSettings settings = new StepSettings(TrainingPath.FUSED, Precision.FLOAT16, 2, 64, 300, false, 1);
        refusal(() -> new Trainer(spec, tokens, run, () -> settings, (metrics, steps) ->
                Thread.currentThread().interrupt(), CheckpointPolicy.DEFAULT).run());
        Checkpoint one = run.latestCheckpoint().orElseThrow();
        try (TrainingSetup setup = TrainingSetup.of(spec, settings);
             MetricsLog metrics = MetricsLog.continueAfter(1, run.metricsFile())) {
            one.restore(setup.model());
            Map<String, NDArray> state = one.optimizer(setup.manager());
            state.put("loss_scale", setup.manager().create(new float[] {(float) Math.pow(2, 40), 0, 0}));
            Checkpoint.save(run.checkpoints(), 1, setup.model().weights(), state, metrics.force(),
                    CheckpointPolicy.DEFAULT);
        }
        RunDirectory stopped = RunDirectory.at(folder.resolve("stopped"));
        try (Stream<Path> files = Files.walk(run.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, stopped.folder().resolve(run.folder().relativize(file).toString()));
            }
        }
        RunResult result = trainer(spec, run).run();
        assertTrue(result.leftOut() > 10 && result.leftOut() < 40, result.toString());
        List<StepMetrics> steps = run.metrics();
        assertEquals(result.leftOut(), steps.stream().filter(StepMetrics::leftOut).count());
        assertTrue(steps.stream().skip(1).limit(10).allMatch(StepMetrics::leftOut));
        assertEquals(List.of(), notes);

        int last = steps.stream().filter(StepMetrics::leftOut).mapToInt(StepMetrics::step).max().orElseThrow();
        for (int stop : new int[] {2, 3, last - 1, last, last + 1}) {
            refusal(() -> new Trainer(spec, tokens, stopped, () -> settings, (metrics, all) -> {
                if (metrics.step() == stop) {
                    Thread.currentThread().interrupt();
                }
            }, CheckpointPolicy.DEFAULT).run());
            assertEquals(stop, stopped.latestCheckpoint().orElseThrow().step());
        }
        RunResult resumed = trainer(spec, stopped).run();
        assertEquals(List.of(result.leftOut(), result.heldoutLoss(), result.wholeRunLoss()),
                List.of(resumed.leftOut(), resumed.heldoutLoss(), resumed.wholeRunLoss()));
        for (String file : List.of("weights.safetensors", "moments.safetensors")) {
            assertEquals(-1, Files.mismatch(run.latestCheckpoint().orElseThrow().folder().resolve(file),
                    stopped.latestCheckpoint().orElseThrow().folder().resolve(file)), file);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1e39, weights that are not numbers in ", "30, 1e39, weights that are not numbers in ",
        "1, 1e30, a held-out loss of NaN after the last step"})
    void anUpdateThatOverflowsLeavesNoResult(int steps, double learningRate, String found) {
        RunSpec spec = SmallRun.of(tokens, steps).withLearningRate(learningRate);
        RunDirectory run = RunDirectory.at(folder.resolve("run"));
        for (int i = 0; i < 2; i++) {
            String message = refusal(() -> trainer(spec, run).run());
            assertTrue(message.contains(found) && message.contains("a lower learning rate than "
                    + spec.optimizer().learningRate()), message);
            assertFalse(message.contains("it goes on after them"), message);
            assertTrue(run.result().isEmpty());
        }
        assertEquals(learningRate > 1e38, run.latestCheckpoint().isEmpty());
    }

    @ParameterizedTest
    @EnumSource
    void aLossThatStandsOutIsToldWithItsText(Objective objective) throws IOException {
        RunSpec causal = SmallRun.of(tokens, 200);
        RunSpec spec = new RunSpec(causal.size(), causal.budgetClass(), objective, causal.tokens(), SmallRun.BATCH,
                SmallRun.LENGTH, 0, causal.optimizer(), causal.vocabulary(), causal.data(), causal.heldoutData());
        Vocabulary text = tokens.train().vocabulary();
        Tokenizer tokenizer = new Tokenizer(objective == Objective.BLENDER ? text.withSpecialTokens() : text);
        Sequences data = Sequences.of(spec, tokens.train());
        BatchWatch watch = new BatchWatch(spec, tokens.train(), data, tokenizer, folder.resolve("batches"),
                new Noting(), LossScale.none());
        List<StepMetrics> steps = new ArrayList<>();
        for (int step = 1; step <= 160; step++) {
            // a mean of 5 with a standard deviation of 0.1, and two losses above that: by 6 and by 4 of them
            double loss = step == 120 ? 5.6 : step == 121 ? 5.4 : step % 2 == 0 ? 5.1 : 4.9;
            steps.add(new StepMetrics(step, (long) step * SmallRun.BATCH, loss, 1e-2, 1, 1_000));
            assertTrue(watch.see(steps).isEmpty());
        }
        assertEquals(1, notes.size());
        assertTrue(notes.get(0).contains("batch of step 120 stands out: its loss is 5.6000, after 100 of 5.0000 with a "
                + "standard deviation of 0.1005"), notes.get(0));
        List<String> lines = Files.readAllLines(folder.resolve("batches").resolve("step-0000120.txt"));
        assertEquals(4, lines.stream().filter(line -> line.startsWith("--- ")).count());
        int[] ids = Arrays.stream(data.batch(119 * 4, 1).inputs()).mapToInt(Math::toIntExact).toArray();
        assertTrue(String.join("\n", lines).startsWith("--- " + tokens.train().place(data.position(119 * 4)) + "\n"
                + tokenizer.decodeTagged(ids).stripTrailing()), lines.toString());
    }

    /** What a sequence says is the text that begins at its place. */
    @Test
    void aPlaceIsAShardAndATokenInIt() {
        Sequences data = Sequences.of(SmallRun.of(tokens, 1), tokens.train());
        int[] ids = new int[SmallRun.LENGTH];
        tokens.train().read(data.position(7), ids);
        assertArrayEquals(IntStream.of(ids).asLongStream().toArray(), data.batch(7, 1).inputs());
        String shard = tokens.train().manifest().shards().get(0).file();
        assertEquals(tokens.train().folder().resolve(shard) + ", token 123", tokens.train().place(123));
    }

    @Test
    void weightsThatAreNoNumbersAreNeitherExportedNorImported() throws IOException {
        RunSpec spec = SmallRun.of(tokens, 2);
        RunDirectory run = RunDirectory.at(folder.resolve("run"));
        trainer(spec, run).run();
        Path exported = folder.resolve("exported");
        try (TrainedModel model = TrainedModel.open(run)) {
            Export.write(model, model.card(), exported);
            poison(model.model().weights().get(BIAS));
            String message = refusal(() -> Export.write(model, model.card(), folder.resolve("poisoned")));
            assertTrue(message.contains("weights that are not numbers in " + BIAS), message);
            assertFalse(Files.exists(folder.resolve("poisoned")));
        }
        try (NDManager manager = NDManager.newBaseManager()) {
            Map<String, NDArray> weights = SafeTensors.read(exported.resolve("model.safetensors"), manager);
            weights.get("transformer.wte.weight").set(new NDIndex("3, 3"), Float.NEGATIVE_INFINITY);
            SafeTensors.write(exported.resolve("model.safetensors"), weights);
        }
        String message = refusal(() -> Import.open(exported));
        assertTrue(message.contains("weights that are not numbers in transformer.wte.weight"), message);
    }
}
