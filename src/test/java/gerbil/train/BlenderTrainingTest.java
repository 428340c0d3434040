package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import gerbil.kernels.Sampling;
import gerbil.objective.Batch;
import gerbil.objective.BlenderSequences;
import gerbil.objective.Sequences;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.spec.BlendedObjective;
import gerbil.spec.BlenderSettings;
import gerbil.spec.BlenderSettings.LossOn;
import gerbil.spec.BudgetClass;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.Precision;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** Blender runs with the trainer, the two paths and the checkpoints of causal ones. */
class BlenderTrainingTest {

    private static final int STEPS = 40;
    private static final String MASK = " <single_tok_mask>";

    @TempDir
    private static Path shared;
    private static PreparedTokens tokens;

    @TempDir
    private Path folder;

    @BeforeAll
    static void prepare() {
        tokens = TestTokens.prepare(shared, 40_000);
    }

    private static RunSpec spec(BlenderSettings settings) {
        RunSpec causal = SmallRun.of(tokens, STEPS);
        return new RunSpec(causal.size(), BudgetClass.A, Objective.BLENDER, causal.tokens(), SmallRun.BATCH,
                SmallRun.LENGTH, 0, OptimizerSettings.withLearningRate(1e-2), causal.vocabulary(), causal.data(),
                causal.heldoutData(), settings, null, null);
    }

    private static BlenderSettings targetsOnly() {
        return BlenderSettings.DEFAULT.withLossOn(LossOn.TARGETS);
    }

    private Trainer trainer(RunSpec run, RunDirectory directory, TrainingListener listener) {
        return new Trainer(run, tokens, directory, () -> SmallRun.settings(TrainingPath.FUSED, 2), listener,
                Duration.ofHours(1));
    }

    private static TrainingSetup setup(RunSpec spec, TrainingPath path, int microBatch) {
        return TrainingSetup.of(spec, SmallRun.settings(path, microBatch));
    }

    private static void assertSameLossAndGradients(Sequences data, long first, TrainingSetup expected,
                                                   TrainingSetup actual) {
        BatchLoss loss = expected.step().backward(data, first, 16);
        BatchLoss other = actual.step().backward(data, first, 16);
        assertEquals(loss.mean(), other.mean(), 1e-5);
        assertEquals(loss.byObjective().keySet(), other.byObjective().keySet());
        loss.byObjective().forEach((objective, mean) -> assertEquals(mean, other.byObjective().get(objective), 1e-5));
        Map<String, NDArray> weights = expected.model().weights();
        actual.model().weights().forEach((name, weight) -> {
            NDArray gradient = weights.get(name).getGradient();
            float difference = weight.getGradient().sub(gradient).abs().max().getFloat();
            assertTrue(difference <= 1e-5 * gradient.abs().max().getFloat(), name + " differs by " + difference);
        });
    }

    @Test
    void fusedGradientsArePlainGradients() {
        for (BlenderSettings settings : List.of(BlenderSettings.DEFAULT, targetsOnly())) {
            RunSpec spec = spec(settings);
            for (int block : new int[] {300, 0}) {
                try (TrainingSetup plain = setup(spec, TrainingPath.PLAIN, 16);
                     TrainingSetup fused = TrainingSetup.of(spec,
                             new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 16, 64, block, false, 1))) {
                    assertSameLossAndGradients(Sequences.of(spec, tokens.train()), 0, plain, fused);
                }
            }
        }
    }

    /** Micro-batches differ in how many targets they have, and the batch's mean is still over all targets. */
    @Test
    void accumulationIsTheLargeBatch() {
        for (BlenderSettings settings : List.of(BlenderSettings.DEFAULT, targetsOnly())) {
            RunSpec spec = spec(settings);
            Sequences data = Sequences.of(spec, tokens.train());
            long uneven = IntStream.range(0, 64).map(batch -> 16 * batch)
                    .filter(first -> IntStream.range(first, first + 16)
                            .map(i -> learned(data.batch(i, 1))).distinct().count() > 1).findFirst().orElseThrow();
            for (TrainingPath path : SmallRun.PATHS) {
                for (int microBatch : new int[] {1, 4}) {
                    try (TrainingSetup whole = setup(spec, path, 16); TrainingSetup micro = setup(spec, path,
                            microBatch)) {
                        assertSameLossAndGradients(data, uneven, whole, micro);
                    }
                }
            }
        }
    }

    @Test
    void lossIsTheMeanOverTheLearnedTargetsOfAllObjectives() {
        RunSpec spec = spec(targetsOnly());
        Batch batch = Sequences.of(spec, tokens.train()).batch(0, 16);
        try (TrainingSetup setup = setup(spec, TrainingPath.FUSED, 4)) {
            BatchLoss loss = setup.step().backward(Sequences.of(spec, tokens.train()), 0, 16);
            double sum = 0;
            for (BlendedObjective objective : BlendedObjective.values()) {
                sum += loss.byObjective().get(objective.label()) * batch.learned(objective.ordinal());
            }
            assertEquals(loss.mean(), sum / learned(batch), 1e-6);
            assertTrue(learned(batch) < 0.8 * batch.targets().length, "targets only");
        }
    }

    private static int learned(Batch batch) {
        return (int) LongStream.of(batch.groups()).filter(group -> group != Batch.MASKED).count();
    }

    @Test
    void anObjectiveWithoutTargetsHasNoLoss() {
        try (NDManager manager = NDManager.newBaseManager()) {
            BatchLoss loss = new BatchLoss(manager.create(new float[] {1.5f, 0, 0.5f}), new long[] {3, 0, 1});
            assertEquals(2, loss.mean());
            assertEquals(Map.of(BlendedObjective.values()[0].label(), 2.0, BlendedObjective.values()[2].label(), 2.0),
                    loss.byObjective());
        }
    }

    @Test
    void aRunLearnsAllThreeAndLogsThem() {
        RunSpec spec = spec(BlenderSettings.DEFAULT);
        RunDirectory directory = RunDirectory.of(folder, spec);
        RunResult result = trainer(spec, directory, TrainingListener.NONE).run();
        assertEquals(folder.resolve("GerbilBlender-A-40k").resolve(spec.runId()), directory.folder());
        assertEquals(40_423, result.parameters());
        List<StepMetrics> metrics = directory.metrics();
        assertEquals(Math.log(1_031), metrics.get(0).loss(), 0.05);
        for (BlendedObjective objective : BlendedObjective.values()) {
            assertTrue(mean(metrics.subList(STEPS - 10, STEPS), objective) < mean(metrics.subList(0, 10),
                    objective) - 1, objective.label());
        }
        assertTrue(result.heldoutLoss() < 6, result.toString());
    }

    private static double mean(List<StepMetrics> steps, BlendedObjective objective) {
        return steps.stream().map(m -> m.lossByObjective().get(objective.label())).filter(l -> l != null)
                .mapToDouble(l -> l).average().orElseThrow();
    }

    private static void assertRefused(Executable action, String... mentioned) {
        String message = assertThrows(GerbilException.class, action).getMessage();
        for (String text : mentioned) {
            assertTrue(message.contains(text), message);
        }
    }

    @Test
    void aModelFillsInFillsMasksAndContinues() {
        RunSpec spec = spec(BlenderSettings.DEFAULT);
        RunDirectory directory = RunDirectory.of(folder, spec);
        trainer(spec, directory, TrainingListener.NONE).run();
        Sampling sampling = new Sampling(1, 0, 1);
        try (TrainedModel model = TrainedModel.open(directory)) {
            List<String> middles = middles(model, sampling);
            assertEquals(middles, middles(model, sampling));
            assertNotEquals(1, middles.stream().distinct().count());
            model.infill("", "}", 5, sampling, 0);

            String text = "import" + MASK + ".util" + MASK + ";";
            String filled = model.fillMasks(text, sampling, 1);
            assertTrue(filled.startsWith("import") && filled.contains(".util") && filled.endsWith(";")
                    && filled.length() > "import.util;".length(), filled);
            assertTrue(model.continueText("/** ", 20, sampling, 1).startsWith("/** "));
            for (String written : Stream.concat(middles.stream(), Stream.of(filled)).toList()) {
                assertTrue(!written.contains("<causal>") && !written.contains("<|endoftext|>"), written);
            }

            assertRefused(() -> model.fillMasks("no mask", sampling, 0), "0 of", "put a mask");
            assertRefused(() -> model.fillMasks(MASK + MASK, sampling, 0), "2 of 2 tokens masked", "visible");
            assertRefused(() -> model.fillMasks(MASK + " a <causal>", sampling, 0), "in a text");
            assertRefused(() -> model.infill("", "", 5, sampling, 0), "nothing before", "continueText");
            assertRefused(() -> model.infill("a ".repeat(100), "b", 60, sampling, 0), "at most 128");
        }
    }

    private static List<String> middles(TrainedModel model, Sampling sampling) {
        return IntStream.range(0, 4).mapToObj(seed -> model.infill("public ", "();\n", 20, sampling, seed)).toList();
    }

    @Test
    void aCausalModelCannotBeAskedTo() {
        RunSpec causal = SmallRun.of(tokens, 2);
        RunDirectory directory = RunDirectory.of(folder, causal);
        trainer(causal, directory, TrainingListener.NONE).run();
        assertNull(directory.metrics().get(0).lossByObjective());
        try (TrainedModel model = TrainedModel.open(directory)) {
            assertRefused(() -> model.infill("a", "b", 5, Sampling.GREEDY, 0), "a causal model, Gerbil-A-40k",
                    "a Blender model", "Objective.BLENDER");
            assertRefused(() -> model.fillMasks("a" + MASK, Sampling.GREEDY, 0), "a causal model");
        }
    }

    @Test
    void thePlanKnowsTheEpochsOfPackedSequences() {
        RunSpec spec = spec(BlenderSettings.DEFAULT);
        BudgetPlan plan = BudgetPlan.measure(spec, tokens.train(), SmallRun.settings(TrainingPath.FUSED, 2));
        assertEquals((double) STEPS * spec.batchSequences() / BlenderSequences.of(spec, tokens.train()).perEpoch(),
                plan.epochs(), 1e-9);
    }
}
