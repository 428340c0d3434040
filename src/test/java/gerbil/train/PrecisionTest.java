package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.objective.CausalSequences;
import gerbil.spec.BudgetClass;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;

class PrecisionTest {

    private static final int LENGTH = 64;
    private static final int SEQUENCES = 8;

    @TempDir
    private Path folder;

    @Test
    void fiveHundredStepsInReducedPrecisionEndWhereFloat32Does() {
        PreparedTokens tokens = TestTokens.prepare(folder, 60_000);
        double expected = lossAfter(500, Precision.FLOAT32, tokens);
        assertTrue(expected < 5, "float32 has not learned: " + expected);
        assertEquals(expected, lossAfter(500, Precision.BFLOAT16, tokens), 0.005 * expected);
        assertEquals(expected, lossAfter(500, Precision.FLOAT16, tokens), 0.005 * expected);
    }

    private static double lossAfter(int steps, Precision precision, PreparedTokens tokens) {
        RunSpec spec = new RunSpec("92k", BudgetClass.A, Objective.CAUSAL, (long) steps * SEQUENCES * LENGTH,
                SEQUENCES * LENGTH, LENGTH, 0, OptimizerSettings.withLearningRate(4e-3), "any", "data", "heldout");
        CausalSequences data = new CausalSequences(tokens.train(), LENGTH, 0);
        CosineSchedule schedule = CosineSchedule.of(spec.optimizer(), steps);
        try (TrainingSetup setup = TrainingSetup.of(spec,
                new StepSettings(TrainingPath.FUSED, precision, SEQUENCES, 64, 300, false, 1))) {
            double last = 0;
            for (int step = 1; step <= steps; step++) {
                double loss = setup.step().backward(data, (step - 1L) * SEQUENCES, SEQUENCES).mean();
                setup.optimizer().step(schedule.learningRate(step));
                last += step > steps - 50 ? loss / 50 : 0;
            }
            return last;
        }
    }

    @Test
    void aStepThatOverflowsIsLeftOutAndTheScaleHalved() {
        PreparedTokens tokens = TestTokens.prepare(folder, 60_000);
        CausalSequences data = new CausalSequences(tokens.train(), SmallRun.LENGTH, 0);
        try (TrainingSetup setup = TrainingSetup.of(SmallRun.of(tokens, 10),
                new StepSettings(TrainingPath.FUSED, Precision.FLOAT16, 4, 64, 300, false, 1))) {
            FusedAdamW optimizer = (FusedAdamW) setup.optimizer();
            optimizer.lossScale().restore(setup.manager().create(new float[] {(float) Math.pow(2, 40), 7, 0}));
            float[] before = setup.model().weights().get("lm_head.bias").toFloatArray();
            setup.step().backward(data, 0, 4);
            assertFalse(Double.isFinite(optimizer.step(1e-2)));
            assertArrayEquals(before, setup.model().weights().get("lm_head.bias").toFloatArray());
            assertEquals(Math.pow(2, 39), optimizer.lossScale().value());
            assertEquals(1, optimizer.lossScale().skipped());
        }
    }

    @Test
    void theScaleDoublesAfterStepsWithoutAnOverflow() {
        LossScale scale = LossScale.dynamic();
        for (int step = 1; step < LossScale.STEPS_TO_DOUBLE; step++) {
            scale.adapt(1);
        }
        assertEquals(LossScale.INITIAL, scale.value());
        scale.adapt(1);
        assertEquals(2 * LossScale.INITIAL, scale.value());
        scale.adapt(Double.POSITIVE_INFINITY);
        assertEquals(LossScale.INITIAL, scale.value());
        assertEquals(1, scale.skipped());
        LossScale none = LossScale.none();
        none.adapt(Double.NaN);
        assertEquals(1, none.value());
        assertEquals(1, none.skipped());
    }

    @Test
    void gpusGetThePrecisionThatTheyAreFastIn() {
        assertEquals(Precision.FLOAT16, StepTuning.gpuPrecision(75).precision());
        assertEquals(Precision.BFLOAT16, StepTuning.gpuPrecision(86).precision());
        assertEquals(Precision.FLOAT32, StepTuning.gpuPrecision(61).precision());
    }
}
