package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.base.ProcessLock;
import gerbil.runs.DetachedRun;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Of all processes and threads one trains in a run directory, and everybody reads there. */
class RunLockTest {

    private static final long OWN = ProcessHandle.current().pid();

    @TempDir
    private Path folder;

    /** Takes the lock of a folder, says so, and keeps it until it is killed. */
    static final class Holder {

        private Holder() {
        }

        public static void main(String[] args) throws IOException {
            try (ProcessLock ignored = RunDirectory.at(Path.of(args[0])).lock(false)) {
                System.out.println("locked");
                System.in.read();
            } catch (GerbilException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    private String refusal(Path directory) {
        return assertThrows(GerbilException.class, () -> RunDirectory.at(directory).lock(false)).getMessage();
    }

    @Test
    void anotherProcessIsNamedUntilItIsKilled() throws Exception {
        Process child = Child.start(List.of(), Holder.class, folder.toString());
        try (BufferedReader said = child.inputReader()) {
            assertEquals("locked", said.readLine());
            assertTrue(refusal(folder).contains("process " + child.pid() + " is training"), refusal(folder));
            assertEquals(OptionalLong.of(child.pid()), DetachedRun.of(RunDirectory.at(folder)).process());
        } finally {
            child.destroyForcibly().waitFor();
        }
        assertEquals(OptionalLong.empty(), DetachedRun.of(RunDirectory.at(folder)).process());
        RunDirectory.at(folder).lock(false).close();
    }

    /** On POSIX systems a second handle of the file, when it is closed, would free the lock of the first. */
    @Test
    void askingAndBeingRefusedDoNotFreeTheLock() throws Exception {
        Path alias = Files.createSymbolicLink(folder.resolve("alias"), Files.createDirectory(folder.resolve("run")));
        try (ProcessLock ignored = RunDirectory.at(folder.resolve("run")).lock(false)) {
            assertEquals(OptionalLong.of(OWN), DetachedRun.of(RunDirectory.at(alias)).process());
            assertTrue(refusal(alias).contains("process " + OWN), refusal(alias));
            Process child = Child.start(List.of(), Holder.class, alias.toString());
            try (BufferedReader said = child.inputReader()) {
                String line = said.readLine();
                assertTrue(line.contains("process " + OWN + " is training"), line);
            } finally {
                child.destroyForcibly();
            }
        }
        assertEquals(OptionalLong.empty(), DetachedRun.of(RunDirectory.at(alias)).process());
    }

    @Test
    void anotherThreadIsRefusedAndTheFirstTrainsOn() {
        PreparedTokens tokens = TestTokens.prepare(folder, 20_000);
        RunSpec spec = SmallRun.of(tokens, 4);
        RunDirectory directory = RunDirectory.of(folder, spec);
        String[] refused = new String[1];
        RunResult result = trainer(spec, tokens, directory, (metrics, steps) -> {
            if (metrics.step() == 2) {
                refused[0] = assertThrows(CompletionException.class, () -> CompletableFuture.runAsync(() ->
                        trainer(spec, tokens, directory, TrainingListener.NONE).run()).join()).getCause().getMessage();
            }
        }).run();
        assertTrue(refused[0].contains("process " + OWN + " is training") && refused[0].contains("watch it"),
                refused[0]);
        assertEquals(4, directory.metrics().size());
        assertEquals(result, directory.result().orElseThrow());
    }

    @Test
    void aFinishedRunIsReadWithoutTheLock() throws IOException {
        PreparedTokens tokens = TestTokens.prepare(folder, 20_000);
        RunSpec spec = SmallRun.of(tokens, 2);
        RunDirectory directory = RunDirectory.of(folder, spec);
        RunResult result = trainer(spec, tokens, directory, TrainingListener.NONE).run();
        try (ProcessLock ignored = directory.lock(false)) {
            assertEquals(result, trainer(spec, tokens, directory, TrainingListener.NONE).run());
        }
    }

    /** The file is deleted, and perhaps locked anew by another process: the first trains no further. */
    @Test
    void aLockThatOthersDoNotFindEndsTheRun() throws Exception {
        PreparedTokens tokens = TestTokens.prepare(folder, 20_000);
        RunSpec spec = SmallRun.of(tokens, 4);
        RunDirectory directory = RunDirectory.of(folder, spec);
        Path lock = directory.folder().resolve("lock");
        String removed = assertThrows(GerbilException.class, () -> trainer(spec, tokens, directory,
                (metrics, steps) -> assertTrue(lock.toFile().delete())).run()).getMessage();
        assertTrue(removed.contains("another lock file or none in " + directory.folder() + " at step 1"), removed);

        Process[] other = new Process[1];
        try {
            String taken = assertThrows(GerbilException.class, () -> trainer(spec, tokens, directory,
                    (metrics, steps) -> other[0] = hold(lock)).run()).getMessage();
            assertTrue(taken.contains("another lock file or none"), taken);
            assertTrue(refusal(directory.folder()).contains("process " + other[0].pid() + " is training"));
        } finally {
            other[0].destroyForcibly().waitFor();
        }
        assertEquals(4, trainer(spec, tokens, directory, TrainingListener.NONE).run().spec().steps());
    }

    private static Process hold(Path lock) {
        try {
            Files.delete(lock);
            Process child = Child.start(List.of(), Holder.class, lock.getParent().toString());
            assertEquals("locked", child.inputReader().readLine());
            return child;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void aLockOfGarbageIsHeldByAnotherProcess() throws Exception {
        Process child = Child.start(List.of(), Holder.class, folder.toString());
        try (BufferedReader said = child.inputReader()) {
            assertEquals("locked", said.readLine());
            for (byte[] garbage : List.of(new byte[0], new byte[] {-1, -2, 10, -3, 10}, new byte[10_000])) {
                Files.write(folder.resolve("lock"), garbage);
                assertTrue(refusal(folder).contains("that another process is training"), refusal(folder));
                String stopped = assertThrows(GerbilException.class,
                        () -> DetachedRun.of(RunDirectory.at(folder)).stop()).getMessage();
                assertTrue(stopped.contains("does not name the process"), stopped);
            }
        } finally {
            child.destroyForcibly().waitFor();
        }
    }

    private static Trainer trainer(RunSpec spec, PreparedTokens tokens, RunDirectory directory,
                                   TrainingListener listener) {
        return new Trainer(spec, tokens, directory, () -> SmallRun.settings(TrainingPath.FUSED, 2), listener,
                Duration.ofHours(1));
    }
}
