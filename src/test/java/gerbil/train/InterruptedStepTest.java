package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.runs.Checkpoint;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.BudgetClass;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A step of hundreds of passes does not keep an interrupt or a signal waiting, and leaves nothing behind; nor does the
 * evaluation at the end.
 */
class InterruptedStepTest {

    private static final int STEPS = 3;
    private static final int SEQUENCES = 512;

    private static final int HELD_OUT = 40_000;

    @TempDir
    private static Path folder;
    private static PreparedTokens tokens;
    private static RunDirectory whole;

    @BeforeAll
    static void train() {
        tokens = TestTokens.prepare(folder, 40_000, HELD_OUT);
        whole = RunDirectory.at(folder.resolve("whole"));
        trainer(tokens, whole, TrainingListener.NONE).run();
    }

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

        assertEndsAsTheWholeRun(stopped);
    }

    private static void assertEndsAsTheWholeRun(RunDirectory stopped) throws IOException {
        trainer(tokens, stopped, TrainingListener.NONE).run();
        assertEquals(losses(whole), losses(stopped));
        assertEquals(whole.result().orElseThrow().heldoutLoss(), stopped.result().orElseThrow().heldoutLoss());
        assertEquals(-1, Files.mismatch(whole.latestCheckpoint().orElseThrow().folder().resolve("weights.safetensors"),
                stopped.latestCheckpoint().orElseThrow().folder().resolve("weights.safetensors")));
    }

    /** In the first step there is nothing to keep yet, in the evaluation everything is kept. */
    @ParameterizedTest
    @ValueSource(ints = {0, STEPS})
    void aProcessMayBeTerminatedInItsFirstStepAndInTheEvaluation(int step) throws Exception {
        RunDirectory run = RunDirectory.at(folder.resolve("terminated-" + step));
        Process child = Child.start(List.of("-Xmx256m"), Training.class, folder.toString(), run.folder().toString());
        try (BufferedReader lines = child.inputReader()) {
            assertEquals("begun", lines.readLine());
            while (step > 0 && run.latestCheckpoint().isEmpty()) {
                Thread.sleep(1);
            }
            child.toHandle().destroy();
            assertEquals(128 + 15, child.waitFor());
        } finally {
            child.destroyForcibly();
        }
        assertEquals(step, run.latestCheckpoint().map(Checkpoint::step).orElse(0));
        assertEquals(step, run.metrics().size());
        assertEndsAsTheWholeRun(run);
    }

    static final class Training {

        private Training() {
        }

        public static void main(String[] args) {
            TrainingListener listener = new TrainingListener() {

                @Override
                public void begin(List<StepMetrics> before, int steps) {
                    System.out.println("begun");
                }

                @Override
                public void step(StepMetrics metrics, int steps) {
                }
            };
            try {
                trainer(PreparedTokens.open(Path.of(args[0]).resolve("tokens")), RunDirectory.at(Path.of(args[1])),
                        listener).runUntilTerminated();
            } catch (GerbilException e) {
                System.err.println(e.getMessage());
            }
        }
    }

    private static void pause(double seconds) {
        try {
            TimeUnit.MICROSECONDS.sleep(Math.round(1e6 * seconds));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
