package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    private static PreparedTokens tokens;
    private static RunSpec spec;
    private static RunDirectory whole;

    @TempDir
    private Path folder;
    private RunDirectory directory;

    @BeforeAll
    static void runWithoutStopping() {
        tokens = TestTokens.prepare(shared, 40_000);
        spec = SmallRun.of(tokens, STEPS);
        whole = RunDirectory.of(shared, spec);
        trainer(whole, TrainingListener.NONE, SELDOM).run();
    }

    @BeforeEach
    void choose() {
        directory = RunDirectory.at(folder.resolve("run"));
    }

    private static Trainer trainer(RunDirectory directory, TrainingListener listener, CheckpointPolicy checkpoints) {
        return new Trainer(spec, tokens, directory, () -> SmallRun.settings(TrainingPath.FUSED, 2), listener,
                checkpoints);
    }

    private static Trainer stoppedAt(int stop, RunDirectory directory, CheckpointPolicy checkpoints) {
        return trainer(directory, (metrics, steps) -> {
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
        RunResult result = trainer(directory, (metrics, steps) ->
                first[0] = first[0] == 0 ? metrics.step() : first[0], SELDOM).run();
        assertEquals(firstStep, first[0]);

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

    private static List<List<Double>> losses(RunDirectory run) {
        return run.metrics().stream()
                .map(m -> List.of((double) m.step(), m.loss(), m.gradientNorm(), m.learningRate())).toList();
    }

    @Test
    void anInterruptedRunSavesACheckpointAndGoesOn() throws IOException {
        String message = assertThrows(GerbilException.class,
                () -> stoppedAt(7, directory, SELDOM).run()).getMessage();
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
                () -> trainer(directory, TrainingListener.NONE, SELDOM).run()).getMessage();
        assertTrue(message.contains("an interrupt at step 0 of 60"), message);
        assertFalse(Files.exists(directory.checkpoints()));
        assertEndsAsTheWholeRun(1);
    }

    @Test
    void aRunMayBeInterruptedManyTimes() throws IOException {
        for (int stop : new int[] {1, 2, 30, 59}) {
            assertThrows(GerbilException.class, () -> stoppedAt(stop, directory, SELDOM).run());
        }
        assertEndsAsTheWholeRun(60);
    }

    @Test
    void anInterruptAtTheLastStepLetsTheRunFinish() {
        RunResult result = stoppedAt(STEPS, directory, SELDOM).run();
        assertTrue(Thread.interrupted(), "the thread stays interrupted");
        assertEquals(whole.result().orElseThrow().heldoutLoss(), result.heldoutLoss());
    }

    @Test
    void checkpointsAreSavedInTimeAndTheNewestTwoAreKept() throws IOException {
        assertThrows(GerbilException.class, () -> stoppedAt(5, directory, EACH_STEP).run());
        assertEquals(List.of("step-0000004", "step-0000005"), checkpoints());
    }

    @Test
    void aKilledProcessLeavesARunThatGoesOn() throws Exception {
        Process child = Child.start(List.of("-Xmx256m"), Killed.class, shared.toString(),
                directory.folder().toString());
        try (BufferedReader steps = child.inputReader()) {
            String step = steps.readLine();
            while (step != null && Integer.parseInt(step) < KILLED_FROM) {
                step = steps.readLine();
            }
            child.destroyForcibly();
            assertEquals(128 + 9, child.waitFor());
        }
        int saved = directory.latestCheckpoint().orElseThrow().step();
        assertTrue(saved >= KILLED_FROM - 1 && saved < KILLED_BEFORE, "saved at " + saved);
        assertEndsAsTheWholeRun(saved + 1);
    }

    /** Saves after every step, so that the kill may well fall into it, and waits before it could come to the end. */
    static final class Killed {

        private Killed() {
        }

        public static void main(String[] args) {
            PreparedTokens tokens = PreparedTokens.open(Path.of(args[0]).resolve("tokens"));
            new Trainer(SmallRun.of(tokens, STEPS), tokens, RunDirectory.at(Path.of(args[1])),
                    () -> SmallRun.settings(TrainingPath.FUSED, 2),
                    (metrics, steps) -> {
                        System.out.println(metrics.step());
                        if (metrics.step() == KILLED_BEFORE) {
                            awaitTheKill();
                        }
                    }, EACH_STEP).run();
        }

        private static void awaitTheKill() {
            try {
                System.in.read();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Test
    void halfWrittenCheckpointsAreSetAside() throws IOException {
        assertThrows(GerbilException.class, () -> stoppedAt(7, directory, SELDOM).run());
        for (String name : List.of("step-0000009", "next.tmp")) {
            Path half = Files.createDirectory(directory.checkpoints().resolve(name));
            Files.writeString(half.resolve("weights.safetensors"), "half");
        }
        assertEndsAsTheWholeRun(8);
        assertEquals(List.of("damaged-step-0000009", "step-0000007", "step-0000060"), checkpoints());
    }

    @Test
    void aHalfWrittenLineOfMetricsIsIgnored() throws IOException {
        assertThrows(GerbilException.class, () -> stoppedAt(7, directory, SELDOM).run());
        String lines = Files.readString(directory.metricsFile());
        String first = lines.lines().findFirst().orElseThrow();
        Files.writeString(directory.metricsFile(), lines + first + "\n{\"step\":9,\"lo");
        assertEquals(8, directory.metrics().size());
        assertEndsAsTheWholeRun(8);
    }

    @Test
    void lostMetricsAreNamed() throws IOException {
        assertThrows(GerbilException.class, () -> stoppedAt(7, directory, SELDOM).run());
        Files.delete(directory.metricsFile());
        String message = assertThrows(GerbilException.class,
                () -> trainer(directory, TrainingListener.NONE, SELDOM).run()).getMessage();
        assertTrue(message.contains("0 steps in " + directory.metricsFile()) && message.contains("7"), message);
    }
}
