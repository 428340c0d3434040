package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.BudgetClass;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A step of hundreds of passes does not keep an interrupt waiting, and leaves nothing behind. */
class InterruptedStepTest {

    private static final int STEPS = 3;
    private static final int SEQUENCES = 512;

    @TempDir
    private Path folder;

    private static Trainer trainer(PreparedTokens tokens, RunDirectory directory, TrainingListener listener) {
        RunSpec spec = new RunSpec("40k", BudgetClass.A, Objective.CAUSAL, (long) STEPS * SEQUENCES * SmallRun.LENGTH,
                SEQUENCES * SmallRun.LENGTH, SmallRun.LENGTH, 0, OptimizerSettings.withLearningRate(1e-2),
                tokens.train().manifest().tokenizer(), tokens.train().hash(), tokens.heldout().hash());
        return new Trainer(spec, tokens, directory, () -> SmallRun.settings(TrainingPath.FUSED, 1), listener,
                Duration.ofHours(1));
    }

    private static List<List<Double>> losses(RunDirectory run) {
        return run.metrics().stream().map(m -> List.of(m.loss(), m.gradientNorm())).toList();
    }

    @Test
    void theRunGoesOnFromTheStepBeforeBitForBit() throws Exception {
        PreparedTokens tokens = TestTokens.prepare(folder, 40_000);
        RunDirectory whole = RunDirectory.at(folder.resolve("whole"));
        trainer(tokens, whole, TrainingListener.NONE).run();
        double stepSeconds = SEQUENCES * SmallRun.LENGTH
                / whole.metrics().stream().mapToDouble(StepMetrics::tokensPerSecond).max().orElseThrow();

        RunDirectory stopped = RunDirectory.at(folder.resolve("stopped"));
        Thread training = Thread.currentThread();
        TrainingListener interrupting = (metrics, steps) -> new Thread(() -> {
            pause(stepSeconds / 4);
            training.interrupt();
        }).start();
        GerbilException interrupted = assertThrows(GerbilException.class,
                () -> trainer(tokens, stopped, interrupting).run());
        assertTrue(interrupted.getMessage().contains("an interrupt at step 1 of 3"), interrupted.getMessage());
        assertTrue(interrupted.getCause() instanceof InterruptedStep);
        assertFalse(Thread.interrupted());
        assertEquals(1, stopped.latestCheckpoint().orElseThrow().step());

        trainer(tokens, stopped, TrainingListener.NONE).run();
        assertEquals(losses(whole), losses(stopped));
        assertEquals(whole.result().orElseThrow().heldoutLoss(), stopped.result().orElseThrow().heldoutLoss());
        assertEquals(-1, Files.mismatch(whole.latestCheckpoint().orElseThrow().folder().resolve("weights.safetensors"),
                stopped.latestCheckpoint().orElseThrow().folder().resolve("weights.safetensors")));
    }

    private static void pause(double seconds) {
        try {
            TimeUnit.MICROSECONDS.sleep(Math.round(1e6 * seconds));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
