package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.objective.Sequences;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** However a run is stopped, it goes on from a whole checkpoint and ends as if it had not been, bit by bit. */
class ResumeTest {

    private static final int STEPS = 60;
    private static final int KILLED_FROM = 12;
    private static final int KILLED_BEFORE = 40;
    private static final CheckpointPolicy SELDOM = CheckpointPolicy.parse("1h", 2, 0);
    private static final CheckpointPolicy EACH_STEP = CheckpointPolicy.parse("1", 2, 0);

    @TempDir
    private static Path shared;
    private static final Map<Kind, RunDirectory> WHOLE = new HashMap<>();
    private static PreparedTokens tokens;

    @TempDir
    private Path folder;
    private Kind kind = new Kind(Objective.CAUSAL, Precision.FLOAT32, 1);
    private RunDirectory directory;

    /** Of runs with two passes a step, through more than an epoch. */
    private record Kind(Objective objective, Precision precision, int workers) {

        RunSpec spec(PreparedTokens tokens) {
            RunSpec causal = SmallRun.of(tokens, STEPS);
            return new RunSpec(causal.size(), causal.budgetClass(), objective, causal.tokens(), causal.batchTokens(),
                    causal.sequenceLength(), 0, causal.optimizer(), causal.vocabulary(), causal.data(),
                    causal.heldoutData());
        }

        Trainer trainer(PreparedTokens tokens, RunDirectory directory, TrainingListener listener,
                        CheckpointPolicy checkpoints) {
            return new Trainer(spec(tokens), tokens, directory, () -> new StepSettings(TrainingPath.FUSED, precision,
                    2, 64, 300, false, workers), listener, checkpoints);
        }
    }

    @BeforeAll
    static void prepare() {
        tokens = TestTokens.prepare(shared, 8_000);
    }

    @BeforeEach
    void choose() {
        directory = RunDirectory.at(folder.resolve("run"));
    }

    /** Trained without stopping. */
    private RunDirectory whole() {
        return WHOLE.computeIfAbsent(kind, k -> {
            RunDirectory run = RunDirectory.at(shared.resolve(k.toString()));
            k.trainer(tokens, run, TrainingListener.NONE, SELDOM).run();
            return run;
        });
    }

    private Trainer trainer(TrainingListener listener, CheckpointPolicy checkpoints) {
        return kind.trainer(tokens, directory, listener, checkpoints);
    }

    private Trainer stoppedAt(int stop, CheckpointPolicy checkpoints) {
        return trainer((metrics, steps) -> {
            if (metrics.step() == stop) {
                Thread.currentThread().interrupt();
            }
        }, checkpoints);
    }

    private List<String> checkpoints() throws IOException {
        try (Stream<Path> list = Files.list(directory.checkpoints())) {
            return list.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    /** Trains on to the end; the first step is the one after the checkpoint. */
    private void assertEndsAsTheWholeRun(int firstStep) throws IOException {
        int[] first = new int[1];
        RunResult result = trainer((metrics, steps) ->
                first[0] = first[0] == 0 ? metrics.step() : first[0], SELDOM).run();
        assertEquals(firstStep, first[0]);
        assertIsTheWholeRun(result);
    }

    private void assertIsTheWholeRun(RunResult result) throws IOException {
        RunDirectory whole = whole();
        Path expected = whole.latestCheckpoint().orElseThrow().folder();
        Path actual = directory.latestCheckpoint().orElseThrow().folder();
        for (String file : List.of("weights.safetensors", "moments.safetensors")) {
            assertEquals(-1, Files.mismatch(expected.resolve(file), actual.resolve(file)), file);
        }
        assertEquals(losses(whole), losses(directory));
        RunResult reference = whole.result().orElseThrow();
        assertEquals(reference.heldoutLoss(), result.heldoutLoss());
        assertEquals(reference.wholeRunLoss(), result.wholeRunLoss());
    }

    private static List<StepMetrics> losses(RunDirectory run) {
        return run.metrics().stream().map(m -> new StepMetrics(m.step(), m.tokens(), m.loss(), m.learningRate(),
                m.gradientNorm(), 0, m.lossByObjective())).toList();
    }

    @Test
    void anInterruptedRunSavesACheckpointAndGoesOn() throws IOException {
        String message = assertThrows(GerbilException.class,
                () -> stoppedAt(7, SELDOM).run()).getMessage();
        assertTrue(message.contains("an interrupt at step 7 of 60") && message.contains("continues"), message);
        assertEquals(List.of("step-0000007"), checkpoints());
        assertTrue(directory.result().isEmpty());
        assertEndsAsTheWholeRun(8);
        assertEquals(List.of("step-0000007", "step-0000060"), checkpoints());
    }

    @Test
    void aRunMayBeInterruptedBeforeItsFirstStep() throws IOException {
        Thread.currentThread().interrupt();
        String message = assertThrows(GerbilException.class,
                () -> trainer(TrainingListener.NONE, SELDOM).run()).getMessage();
        assertTrue(message.contains("an interrupt at step 0 of 60"), message);
        assertFalse(Files.exists(directory.checkpoints()));
        assertEndsAsTheWholeRun(1);
    }

    /** At the end of the warm-up and of the epoch, and around them. */
    @ParameterizedTest
    @CsvSource({"CAUSAL, FLOAT32, 1", "CAUSAL, BFLOAT16, 1", "CAUSAL, FLOAT16, 1", "CAUSAL, FLOAT32, 2",
        "BLENDER, FLOAT32, 1", "BLENDER, BFLOAT16, 1", "BLENDER, FLOAT32, 2"})
    void aRunMayBeInterruptedManyTimes(Objective objective, Precision precision, int workers) throws IOException {
        kind = new Kind(objective, precision, workers);
        RunSpec spec = kind.spec(tokens);
        int warm = CosineSchedule.of(spec.optimizer(), STEPS).warmupSteps();
        int epoch = Sequences.of(spec, tokens.train()).perEpoch() / spec.batchSequences();
        assertTrue(1 < warm && epoch + 1 < STEPS - 1, warm + " and " + epoch);
        for (int stop : new int[] {1, warm, warm + 1, epoch, epoch + 1, STEPS - 1}) {
            assertThrows(GerbilException.class, () -> stoppedAt(stop, SELDOM).run());
        }
        assertEndsAsTheWholeRun(STEPS);
    }

    @Test
    void anInterruptAtTheLastStepLetsTheRunFinish() {
        RunResult result = stoppedAt(STEPS, SELDOM).run();
        assertTrue(Thread.interrupted(), "the thread stays interrupted");
        assertEquals(whole().result().orElseThrow().heldoutLoss(), result.heldoutLoss());
    }

    @Test
    void checkpointsAreSavedInTimeAndTheNewestTwoAreKept() throws IOException {
        assertThrows(GerbilException.class, () -> stoppedAt(5, EACH_STEP).run());
        assertEquals(List.of("step-0000004", "step-0000005"), checkpoints());
    }

    /** Of a killed process the last checkpoint is left, of one that is asked to end the last step. */
    @ParameterizedTest
    @CsvSource({"KILL, 9, BLENDER, BFLOAT16", "TERM, 15, CAUSAL, BFLOAT16", "INT, 2, BLENDER, FLOAT32",
        "HUP, 1, CAUSAL, FLOAT32"})
    void aProcessThatASignalEndsLeavesARunThatGoesOn(String signal, int number, Objective objective,
                                                     Precision precision) throws Exception {
        kind = new Kind(objective, precision, 1);
        Process child = child(signal);
        try (BufferedReader steps = child.inputReader()) {
            await(KILLED_FROM, steps);
            signal(signal, child);
            assertEquals(128 + number, child.waitFor());
        } finally {
            child.destroyForcibly();
        }
        int saved = directory.latestCheckpoint().orElseThrow().step();
        assertTrue(saved >= KILLED_FROM - 1 && saved <= KILLED_BEFORE, "saved at " + saved);
        assertTrue(signal.equals("KILL") || saved == directory.metrics().size());
        assertEndsAsTheWholeRun(saved + 1);
    }

    /** As a laptop that is closed for a while. */
    @Test
    void aSuspendedProcessGoesOn() throws Exception {
        kind = new Kind(Objective.BLENDER, Precision.BFLOAT16, 1);
        Process child = child("CONT");
        try (BufferedReader steps = child.inputReader(); Writer in = child.outputWriter()) {
            await(KILLED_FROM, steps);
            signal("STOP", child);
            assertFalse(child.waitFor(300, TimeUnit.MILLISECONDS));
            signal("CONT", child);
            in.write('\n');
            in.flush();
            await(STEPS, steps);
            assertEquals(0, child.waitFor());
        } finally {
            child.destroyForcibly();
        }
        assertIsTheWholeRun(directory.result().orElseThrow());
    }

    private Process child(String signal) throws IOException, InterruptedException {
        // who is started by nohup or in the background ignores some signals, and so would its children
        String[] reset = {"env", "--default-signal=INT,HUP"};
        return Child.start(Child.succeeds(reset[0], reset[1], "true") ? List.of(reset) : List.of(),
                List.of("-Xmx256m"), Signalled.class, shared.toString(), directory.folder().toString(),
                kind.objective.name(), kind.precision.name(), signal);
    }

    private static void await(int step, BufferedReader steps) throws IOException {
        String line = steps.readLine();
        while (line != null && Integer.parseInt(line) < step) {
            line = steps.readLine();
        }
        assertEquals(String.valueOf(step), line);
    }

    private static void signal(String name, Process process) throws InterruptedException {
        assertTrue(Child.succeeds("kill", "-" + name, String.valueOf(process.pid())), name);
    }

    /** Waits before it could come to the end: for a line if it is to go on, else for the signal. */
    static final class Signalled {

        private Signalled() {
        }

        public static void main(String[] args) {
            PreparedTokens tokens = PreparedTokens.open(Path.of(args[0]).resolve("tokens"));
            String signal = args[4];
            TrainingListener listener = (metrics, steps) -> {
                System.out.println(metrics.step());
                if (metrics.step() == KILLED_BEFORE) {
                    await(signal);
                }
            };
            try {
                new Kind(Objective.valueOf(args[2]), Precision.valueOf(args[3]), 1).trainer(tokens,
                        RunDirectory.at(Path.of(args[1])), listener, signal.equals("KILL") ? EACH_STEP : SELDOM)
                        .runUntilTerminated();
            } catch (GerbilException e) {
                System.err.println(e.getMessage());
            }
        }

        private static void await(String signal) {
            try {
                if (signal.equals("CONT")) {
                    System.in.read();
                } else {
                    new CountDownLatch(1).await();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Test
    void halfWrittenCheckpointsAreSetAside() throws IOException {
        assertThrows(GerbilException.class, () -> stoppedAt(7, SELDOM).run());
        for (String name : List.of("step-0000009", "next.tmp")) {
            Path half = Files.createDirectory(directory.checkpoints().resolve(name));
            Files.writeString(half.resolve("weights.safetensors"), "half");
        }
        assertEndsAsTheWholeRun(8);
        assertEquals(List.of("damaged-step-0000009", "step-0000007", "step-0000060"), checkpoints());
    }

    @Test
    void aHalfWrittenLineOfMetricsIsIgnored() throws IOException {
        assertThrows(GerbilException.class, () -> stoppedAt(7, SELDOM).run());
        String lines = Files.readString(directory.metricsFile());
        String first = lines.lines().findFirst().orElseThrow();
        Files.writeString(directory.metricsFile(), lines + first + "\n{\"step\":9,\"lo");
        assertEquals(8, directory.metrics().size());
        assertEndsAsTheWholeRun(8);
    }

    @Test
    void lostMetricsAreNamed() throws IOException {
        assertThrows(GerbilException.class, () -> stoppedAt(7, SELDOM).run());
        Files.delete(directory.metricsFile());
        String message = assertThrows(GerbilException.class,
                () -> trainer(TrainingListener.NONE, SELDOM).run()).getMessage();
        assertTrue(message.contains("0 steps in " + directory.metricsFile()) && message.contains("7"), message);
    }
}
