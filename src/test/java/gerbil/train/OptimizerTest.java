package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import gerbil.spec.BudgetClass;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.OptimizerSettings.Decayed;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.LinkedHashMap;
import java.util.Map;

class OptimizerTest {

    private static RunSpec spec(Decayed decayed) {
        OptimizerSettings settings = new OptimizerSettings(0.01, 0.9, 0.95, 1e-8, 0.5, decayed, 1, 0.05, 0.1);
        return new RunSpec("40k", BudgetClass.A, Objective.CAUSAL, 1_000, SmallRun.BATCH, SmallRun.LENGTH, 0, settings,
                "any", "data", "heldout");
    }

    /** With gradients of zero a step is its weight decay: {@code 1 - learning rate * decay}. */
    private static Map<String, Float> factors(TrainingPath path, Decayed decayed) {
        try (TrainingSetup setup = TrainingSetup.of(spec(decayed), SmallRun.settings(path, 1))) {
            Map<String, float[]> before = new LinkedHashMap<>();
            setup.model().weights().forEach((name, weight) -> before.put(name, weight.toFloatArray()));
            assertEquals(0, setup.optimizer().step(0.1));
            Map<String, Float> factors = new LinkedHashMap<>();
            for (Map.Entry<String, NDArray> weight : setup.model().weights().entrySet()) {
                float[] old = before.get(weight.getKey());
                float[] now = weight.getValue().toFloatArray();
                if (old[0] != 0) {
                    float factor = now[0] / old[0];
                    factors.put(weight.getKey(), factor);
                    for (int i = 0; i < old.length; i++) {
                        old[i] *= factor;
                    }
                }
                assertArrayEquals(old, now, 1e-7f, weight.getKey());
            }
            return factors;
        }
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "KERNELS")
    void onlyMatricesDecayByDefault(TrainingPath path) {
        assertEquals(Decayed.MATRICES, OptimizerSettings.withLearningRate(1).decayed());
        Map<String, Float> factors = factors(path, Decayed.MATRICES);
        assertTrue(factors.containsKey("transformer.wte.weight") && factors.containsKey("transformer.ln_f.weight"));
        factors.forEach((name, factor) -> assertEquals(name.contains("ln_") ? 1 : 0.95f, factor, 1e-5f, name));
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "KERNELS")
    void everythingMayDecay(TrainingPath path) {
        factors(path, Decayed.ALL).forEach((name, factor) -> assertEquals(0.95f, factor, 1e-5f, name));
    }

    @Test
    void learningRateRisesInALineAndFallsAsACosine() {
        CosineSchedule schedule = CosineSchedule.of(
                new OptimizerSettings(2, 0.9, 0.95, 1e-8, 0, Decayed.ALL, 1, 0.1, 0.1), 110);
        assertEquals(11, schedule.warmupSteps());
        assertEquals(2.0 / 11, schedule.learningRate(1), 1e-12);
        assertEquals(10 * 2.0 / 11, schedule.learningRate(10), 1e-12);
        assertEquals(2, schedule.learningRate(11), 1e-12);
        assertEquals(0.2 + 1.8 * (1 + Math.sqrt(0.5)) / 2, new CosineSchedule(2, 0.2, 10, 110).learningRate(35), 1e-12);
        assertEquals(1.1, new CosineSchedule(2, 0.2, 10, 110).learningRate(60), 1e-12);
        assertEquals(0.2, schedule.learningRate(110), 1e-12);
    }

    @Test
    void shortRunsHaveASchedule() {
        OptimizerSettings settings = OptimizerSettings.withLearningRate(1);
        assertEquals(1, CosineSchedule.of(settings, 1).learningRate(1));
        assertEquals(0.1, CosineSchedule.of(settings, 2).learningRate(2), 1e-12);
    }
}
