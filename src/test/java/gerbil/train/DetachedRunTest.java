package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.base.ProcessLock;
import gerbil.runs.DetachedRun;
import gerbil.runs.RunDirectory;
import gerbil.runs.RunList;
import gerbil.runs.TrainingListener;
import gerbil.runs.TrainingRequest;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

@Timeout(600)
class DetachedRunTest {

    private static final int STEPS = 600;

    @TempDir
    private static Path shared;
    private static PreparedTokens tokens;
    private static RunSpec spec;

    @TempDir
    private Path folder;
    private RunDirectory directory;

    @BeforeAll
    static void prepare() {
        tokens = TestTokens.prepare(shared, 40_000);
        spec = SmallRun.of(tokens, STEPS);
    }

    @BeforeEach
    void choose() {
        directory = RunDirectory.of(folder, spec);
    }

    @AfterEach
    void kill() throws IOException {
        DetachedRun.of(directory).process().stream().mapToObj(ProcessHandle::of)
                .forEach(process -> process.ifPresent(ProcessHandle::destroyForcibly));
    }

    private static TrainingRequest request(Path tokensFolder) {
        return new TrainingRequest(spec, tokensFolder.toString(), null, SmallRun.settings(TrainingPath.FUSED, 2), null);
    }

    private static DetachedRun start(RunDirectory directory) {
        return DetachedTraining.start(directory, request(shared.resolve("tokens")));
    }

    private static String refusal(Executable action) {
        return assertThrows(GerbilException.class, action).getMessage();
    }

    private void awaitSteps(int steps) throws InterruptedException, IOException {
        while (directory.metrics().size() < steps) {
            Thread.sleep(5);
        }
    }

    @Test
    void aRunThatIsStoppedGoesOnAndEndsAsInThisProcess() throws Exception {
        DetachedRun run = start(directory);
        OptionalLong process = run.process();
        assertTrue(process.orElseThrow() != ProcessHandle.current().pid());
        start(directory);
        assertEquals(process, run.process());
        assertEquals(directory.folder(), RunList.under(folder).started(spec.model()).get(0).folder());

        awaitSteps(3);
        run.stop();
        assertFalse(run.isRunning());
        int stopped = directory.latestCheckpoint().orElseThrow().step();
        assertTrue(stopped >= 3 && stopped < STEPS && stopped == directory.metrics().size(), "stopped at " + stopped);
        String ended = refusal(() -> run.follow(TrainingListener.NONE));
        assertTrue(ended.contains("no result, after step " + stopped)
                && ended.contains("an interrupt at step " + stopped), ended);

        List<Integer> seen = new ArrayList<>();
        var result = start(directory).follow((metrics, steps) -> seen.add(metrics.step()));
        assertEquals(STEPS, seen.size());
        assertEquals(STEPS, seen.get(STEPS - 1));
        assertEquals(result, start(directory).follow((metrics, steps) -> {
            throw new AssertionError("trained again");
        }));

        RunDirectory whole = RunDirectory.at(folder.resolve("whole"));
        new Trainer(spec, tokens, whole, () -> SmallRun.settings(TrainingPath.FUSED, 2), TrainingListener.NONE,
                Duration.ofHours(1)).run();
        assertEquals(whole.result().orElseThrow().heldoutLoss(), result.heldoutLoss());
        assertEquals(whole.result().orElseThrow().wholeRunLoss(), result.wholeRunLoss());
        assertEquals(-1, Files.mismatch(
                whole.latestCheckpoint().orElseThrow().folder().resolve("moments.safetensors"),
                directory.latestCheckpoint().orElseThrow().folder().resolve("moments.safetensors")));
    }

    @Test
    void aKilledRunIsReported() throws Exception {
        DetachedRun run = start(directory);
        awaitSteps(2);
        ProcessHandle.of(run.process().orElseThrow()).orElseThrow().destroyForcibly();
        String killed = refusal(() -> run.follow(TrainingListener.NONE));
        assertTrue(killed.contains(run.log().toString()) && killed.contains("Killed")
                && killed.contains("memory may have been short"), killed);
    }

    /** Longer than an array may be. */
    @Test
    void ofALongLogTheEndIsRead() throws IOException {
        directory.request(request(shared.resolve("tokens")));
        DetachedRun run = DetachedRun.of(directory);
        try (RandomAccessFile log = new RandomAccessFile(run.log().toFile(), "rw")) {
            log.seek(3L << 30);
            log.write("\none\ntwo\nthree\nfour\nfive\nsix\n".getBytes(StandardCharsets.UTF_8));
        }
        String message = refusal(() -> run.follow(TrainingListener.NONE));
        assertTrue(message.contains(run.log() + ":\ntwo\nthree\nfour\nfive\nsix\n"), message);
    }

    @Test
    void anInterruptOfWhoFollowsLeavesTheRunAlone() {
        DetachedRun run = start(directory);
        Thread following = Thread.currentThread();
        String message = refusal(() -> run.follow((metrics, steps) -> following.interrupt()));
        assertTrue(message.contains("an interrupt at step ") && message.contains("goes on"), message);
        assertTrue(run.isRunning());
    }

    /** Starts the run, says so, and waits to be killed. */
    static final class Starter {

        private Starter() {
        }

        public static void main(String[] args) throws IOException {
            RunDirectory run = RunDirectory.at(Path.of(args[0]));
            DetachedTraining.start(run, run.request());
            System.out.println("started");
            System.in.read();
        }
    }

    /** As Jupyter ends a kernel: with all processes of its group. */
    @Test
    void aRunOutlivesTheProcessGroupThatStartedIt() throws Exception {
        directory.request(request(shared.resolve("tokens")));
        Process kernel = Child.start(List.of("bash", "-c", "set -m; \"$@\" & wait", "kernel"),
                List.of(), Starter.class, directory.folder().toString());
        DetachedRun run = DetachedRun.of(directory);
        try (BufferedReader said = kernel.inputReader()) {
            assertEquals("started", said.readLine());
            long starter = kernel.children().findFirst().orElseThrow().pid();
            assertEquals(0, new ProcessBuilder("bash", "-c", "kill -KILL -- -" + starter).start().waitFor());
            kernel.waitFor();
            assertTrue(run.isRunning());
            awaitSteps(2);
            run.stop();
            assertTrue(directory.latestCheckpoint().isPresent());
        } finally {
            kernel.destroyForcibly();
        }
    }

    @Test
    void whatCannotBeginSaysWhy() {
        String message = refusal(() -> DetachedTraining.start(directory, request(folder.resolve("nowhere"))));
        assertTrue(message.contains("Found: ") && message.contains("nowhere") && message.contains("after step 0"),
                message);
    }

    @Test
    void whatIsNotRunningOrNotAProcessOfItsOwnIsNotStopped() throws IOException {
        directory.request(request(shared.resolve("tokens")));
        DetachedRun run = DetachedRun.of(directory);
        assertTrue(refusal(run::stop).contains("nobody who trains in " + directory.folder()));
        try (ProcessLock ignored = directory.lock(false)) {
            assertTrue(refusal(run::stop).contains("interrupt the notebook's cell"));
        }
    }
}
