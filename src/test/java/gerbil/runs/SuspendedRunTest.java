package gerbil.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.base.ProcessLock;
import gerbil.train.Child;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

class SuspendedRunTest {

    @TempDir
    private Path folder;

    /** Holds the lock of a run as who stops at a signal, until it is killed. */
    static final class Holder {

        private Holder() {
        }

        public static void main(String[] args) throws IOException {
            try (ProcessLock ignored = RunDirectory.at(Path.of(args[0])).lock(true)) {
                System.out.println("locked");
                System.in.read();
            }
        }
    }

    @Test
    void whoStopsASuspendedRunIsToldSo() throws Exception {
        Process child = Child.start(List.of(), Holder.class, folder.toString());
        try (BufferedReader said = child.inputReader()) {
            assertEquals("locked", said.readLine());
            signal("STOP", child.toHandle());
            DetachedRun run = DetachedRun.of(RunDirectory.at(folder));
            String message = assertThrows(GerbilException.class, () -> run.stop(Duration.ofSeconds(2))).getMessage();
            assertTrue(message.contains("process " + child.pid() + ", which was asked to stop and has not in 2 "
                    + "seconds") && message.contains("kill -CONT " + child.pid()), message);
            signal("CONT", child.toHandle());
            assertEquals(128 + 15, child.waitFor());
        } finally {
            child.destroyForcibly();
        }
    }

    private static void signal(String name, ProcessHandle process) throws IOException, InterruptedException {
        assertEquals(0, new ProcessBuilder("kill", "-" + name, String.valueOf(process.pid())).start().waitFor());
    }
}
