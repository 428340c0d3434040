package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.kernels.FusedLoss;
import gerbil.kernels.Kernels;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;
import gerbil.model.PlainLoss;
import gerbil.model.TrainingLoss;
import gerbil.objective.CausalSequences;
import gerbil.runs.Workspace;
import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** The fused path and the plain one, and micro-batches and the whole batch, give the same numbers to rounding. */
class TrainingPathTest {

    @TempDir
    private Path folder;
    private RunSpec spec;
    private CausalSequences data;

    @BeforeEach
    void tokens() {
        PreparedTokens tokens = TestTokens.prepare(folder, 40_000);
        spec = Workspace.spec("92k", "A", tokens);
        data = new CausalSequences(tokens.train(), spec.sequenceLength(), 0);
    }

    @Test
    void fusedGradientsArePlainGradients() {
        try (TrainingSetup plain = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.PLAIN, 8));
             TrainingSetup fused = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.FUSED, 8))) {
            assertEquals(plain.step().backward(data, 0, 8).mean(), fused.step().backward(data, 0, 8).mean(), 1e-5);
            assertGradientsClose(plain, fused);
        }
    }

    @Test
    void accumulatedGradientsAreTheLargeBatchs() {
        for (TrainingPath path : SmallRun.PATHS) {
            try (TrainingSetup whole = TrainingSetup.of(spec, SmallRun.settings(path, 16));
                 TrainingSetup micro = TrainingSetup.of(spec, SmallRun.settings(path, 2))) {
                assertEquals(whole.step().backward(data, 0, 16).mean(), micro.step().backward(data, 0, 16).mean(),
                        1e-5);
                assertGradientsClose(whole, micro);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void fusedStepsArePlainSteps(boolean tied) {
        RunSpec spec = tied ? this.spec.withArchitecture(this.spec.config().withTiedHead(true)) : this.spec;
        try (TrainingSetup plain = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.PLAIN, 8));
             TrainingSetup fused = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.FUSED, 8))) {
            for (int step = 0; step < 10; step++) {
                double loss = plain.step().backward(data, step * 8L, 8).mean();
                assertEquals(loss, fused.step().backward(data, step * 8L, 8).mean(), 1e-4 * loss);
                double norm = plain.optimizer().step(1e-3);
                assertEquals(norm, fused.optimizer().step(1e-3), 1e-4 * norm);
            }
            Map<String, NDArray> weights = plain.model().weights();
            fused.model().weights().forEach((name, weight) -> assertClose(name, weights.get(name), weight, 1e-2));
        }
    }

    /** Bounds of some ten units of rounding (2^-8, 2^-11): where sums are rounded is the processor's. */
    @Test
    void reducedPrecisionIsCloseToPlain() {
        Map<Precision, Double> bounds = Map.of(Precision.BFLOAT16, 4e-2, Precision.FLOAT16, 5e-3);
        try (TrainingSetup plain = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.PLAIN, 8))) {
            double loss = plain.step().backward(data, 0, 8).mean();
            Map<String, NDArray> weights = plain.model().weights();
            bounds.forEach((precision, bound) -> {
                for (int block : new int[] {300, 0}) {
                    try (TrainingSetup reduced = TrainingSetup.of(spec,
                            new StepSettings(TrainingPath.FUSED, precision, 8, 64, block, false, 1))) {
                        assertEquals(loss, reduced.step().backward(data, 0, 8).mean(), 1e-3);
                        float scale = precision == Precision.FLOAT16 ? LossScale.INITIAL : 1;
                        reduced.model().weights().forEach((name, weight) -> assertClose(precision + " " + name,
                                weights.get(name).getGradient(), weight.getGradient().div(scale), bound));
                    }
                }
            });
        }
    }

    /** Also where sequences cannot be shared out equally, or are fewer than the workers; and to the same bits each time. */
    @Test
    void workersAddUpToTheWholeBatch() {
        try (TrainingSetup plain = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.PLAIN, 8))) {
            double loss = plain.step().backward(data, 0, 8).mean();
            for (int workers : new int[] {2, 3, 16}) {
                for (boolean recompute : new boolean[] {false, true}) {
                    StepSettings settings = new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 8, 64, 300, recompute,
                            workers);
                    try (TrainingSetup first = TrainingSetup.of(spec, settings);
                         TrainingSetup second = TrainingSetup.of(spec, settings)) {
                        assertEquals(loss, first.step().backward(data, 0, 8).mean(), 1e-5);
                        assertGradientsClose(plain, first);
                        assertEquals(first.step().backward(data, 8, 8).mean(), second.step().backward(data, 8, 8).mean());
                        second.step().backward(data, 0, 8);
                        assertGradientsClose(first, second);
                        first.model().zeroGradients();
                        second.model().zeroGradients();
                        first.step().backward(data, 0, 8);
                        second.step().backward(data, 0, 8);
                        Map<String, NDArray> weights = first.model().weights();
                        second.model().weights().forEach((name, weight) ->
                                assertEquals(weights.get(name).getGradient(), weight.getGradient(), name));
                    }
                }
            }
        }
    }

    /** What is computed again is what was computed before, to the last bit. */
    @Test
    void recomputedActivationsGiveTheSameGradients() {
        for (Precision precision : List.of(Precision.FLOAT32, Precision.BFLOAT16)) {
            try (TrainingSetup kept = TrainingSetup.of(spec,
                         new StepSettings(TrainingPath.FUSED, precision, 8, 64, 300, false, 1));
                 TrainingSetup recomputed = TrainingSetup.of(spec,
                         new StepSettings(TrainingPath.FUSED, precision, 8, 64, 300, true, 1))) {
                assertEquals(kept.step().backward(data, 0, 16).mean(), recomputed.step().backward(data, 0, 16).mean());
                Map<String, NDArray> weights = kept.model().weights();
                recomputed.model().weights().forEach((name, weight) -> assertClose(precision + " " + name,
                        weights.get(name).getGradient(), weight.getGradient(), 1e-6));
            }
        }
    }

    /** Whatever blocks the head takes the vocabulary in, the last of them not full, and logits far from one another. */
    @Test
    void theHeadsBlocksDoNotChangeTheLoss() {
        try (TrainingSetup plain = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.PLAIN, 8))) {
            NDArray bias = plain.model().weights().get("lm_head.bias");
            float[] apart = new float[(int) bias.size()];
            for (int i = 0; i < apart.length; i++) {
                apart[i] = i % 7 == 0 ? 150 : i % 5 == 0 ? -150 : 0;
            }
            setBias(plain, apart);
            double loss = plain.step().backward(data, 0, 8).mean();
            assertTrue(loss > 20, "logits are not far apart: " + loss);
            for (int block : new int[] {0, 1, 100, 1_024, 1_000_000}) {
                try (TrainingSetup fused = TrainingSetup.of(spec,
                        new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 8, 50, block, false, 1))) {
                    setBias(fused, apart);
                    assertEquals(loss, fused.step().backward(data, 0, 8).mean(), 1e-5 * loss, "block " + block);
                    assertGradientsClose(plain, fused);
                }
            }
        }
    }

    private static void setBias(TrainingSetup setup, float[] values) {
        NDArray bias = setup.model().weights().get("lm_head.bias");
        bias.stopGradient().set(new NDIndex("..."), setup.manager().create(values));
    }

    /** Sequences of more than one block of queries, the last of them not full; heads of even and odd dimensions. */
    @ParameterizedTest
    @ValueSource(ints = {16, 17})
    void blockwiseAttentionIsPlainAttention(int headDim) {
        GptJConfig config = new GptJConfig(spec.config().vocabulary(), 3 * headDim, 2, 3, 16, 300);
        try (NDManager manager = NDManager.newBaseManager(); NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            GptJ model = GptJ.initialized(config, manager, 3);
            NDArray ids = manager.randomInteger(0, config.vocabulary(), new Shape(2, 300), DataType.INT64);
            model.weights().values().forEach(weight -> weight.setRequiresGradient(true));
            TrainingLoss plain = new PlainLoss(model);
            TrainingLoss blockwise = new FusedLoss(model, Kernels.load(manager), 300,
                    new StepSettings(TrainingPath.FUSED, Precision.BFLOAT16, 2, 64, 300, false, 1), () -> 1);
            List<Map<String, NDArray>> gradients = new ArrayList<>();
            for (TrainingLoss loss : List.of(plain, blockwise)) {
                model.zeroGradients();
                loss.accumulate(ids, ids, ids.zerosLike(), 1, 1f / 600);
                gradients.add(model.weights().entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey,
                        weight -> weight.getValue().getGradient().duplicate())));
            }
            gradients.get(0).forEach((name, gradient) -> assertClose(name, gradient, gradients.get(1).get(name), 4e-2));
        }
    }

    /** On both paths it is one tensor, whose gradient is the sum of an equal model's embedding's and head's. */
    @Test
    void aTiedHeadHasTheGradientsOfBothItsPlaces() {
        RunSpec tied = spec.withArchitecture(spec.config().withTiedHead(true));
        try (TrainingSetup untied = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.PLAIN, 8))) {
            Map<String, NDArray> apart = untied.model().weights();
            apart.get(GptJTensors.HEAD_WEIGHT).stopGradient().set(new NDIndex("..."), apart.get(GptJTensors.EMBEDDING));
            double loss = untied.step().backward(data, 0, 8).mean();
            NDArray both = apart.get(GptJTensors.EMBEDDING).getGradient()
                    .add(apart.get(GptJTensors.HEAD_WEIGHT).getGradient());
            for (StepSettings settings : List.of(SmallRun.settings(TrainingPath.PLAIN, 8),
                    SmallRun.settings(TrainingPath.FUSED, 8), SmallRun.settings(TrainingPath.FUSED, 4),
                    new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 8, 64, 0, true, 1))) {
                try (TrainingSetup one = TrainingSetup.of(tied, settings)) {
                    assertEquals(loss, one.step().backward(data, 0, 8).mean(), 1e-5, settings.toString());
                    Map<String, NDArray> weights = one.model().weights();
                    assertFalse(weights.containsKey(GptJTensors.HEAD_WEIGHT));
                    weights.forEach((name, weight) -> assertClose(settings + " " + name,
                            name.equals(GptJTensors.EMBEDDING) ? both : apart.get(name).getGradient(),
                            weight.getGradient(), 1e-5));
                }
            }
        }
    }

    private static void assertGradientsClose(TrainingSetup expected, TrainingSetup actual) {
        Map<String, NDArray> weights = expected.model().weights();
        actual.model().weights().forEach((name, weight) ->
                assertClose(name, weights.get(name).getGradient(), weight.getGradient(), 1e-5));
    }

    private static void assertClose(String name, NDArray expected, NDArray actual, double bound) {
        float largest = expected.abs().max().getFloat();
        float difference = actual.sub(expected).abs().max().getFloat();
        assertTrue(difference <= bound * largest, name + " differs by " + difference + ", largest " + largest);
    }
}
