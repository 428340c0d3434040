package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import gerbil.Campaign;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.RunDirectory;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Native arrays that are not freed in time do not show in Java's heap, only in the process's memory. The system
 * property {@code gerbil.steps} makes the life longer.
 */
class LongLifeTest {

    private static final Path PROCESS = Path.of("/proc/self");
    private static final int STEPS = Integer.getInteger("gerbil.steps", 2_300);
    private static final int WARM = STEPS < 20_000 ? 300 : 1_000;
    /** Saved in time, as in a run of days. */
    private static final int CHECKPOINTS = 100;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "KERNELS")
    void stepsGrowTheProcessByLessThanTwoPercentAndLeaveNoFileOpen(TrainingPath path) throws Exception {
        assumeTrue(Files.exists(PROCESS), "this system does not tell a process's memory (no /proc)");
        TestTokens.prepare(folder, 40_000);
        // a heap that is all resident from the start, and no optimizing compiler, which takes some megabytes when it
        // pleases, and one arena, since a busy machine's threads spread over several, which keep what was freed: so
        // only what the training does not free can grow
        Process child = Child.start(List.of("env", "MALLOC_ARENA_MAX=1"), List.of("-Xms96m", "-Xmx96m",
                "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"), Training.class,
                folder.toString(), path.name(), String.valueOf(WARM), String.valueOf(STEPS));
        List<Long> said;
        try (BufferedReader out = child.inputReader()) {
            said = out.lines().map(Long::parseLong).toList();
        }
        assertEquals(0, child.waitFor());
        double growth = (double) said.get(2) / said.get(0) - 1;
        assertTrue(growth < 0.02, "from " + said.get(0) + " to " + said.get(2) + " kB");
        assertEquals(said.get(1), said.get(3), "open files");
        Campaign.report("A training of " + STEPS + " steps on the path " + path, said.get(0) + " kB and " + said.get(1)
                + " open files at step " + WARM + ", " + said.get(2) + " kB and " + said.get(3) + " at the end");
    }

    private static long residentKilobytes() throws IOException {
        try (Stream<String> lines = Files.lines(PROCESS.resolve("status"))) {
            String resident = lines.filter(line -> line.startsWith("VmRSS")).findFirst().orElseThrow();
            return Long.parseLong(resident.replaceAll("\\D", ""));
        }
    }

    /** Those that stay open: the JVM reads a file of the system's now and then, and has it open for a moment. */
    private static long openFiles() throws IOException {
        long least = Long.MAX_VALUE;
        for (int look = 0; look < 20; look++) {
            try (Stream<Path> files = Files.list(PROCESS.resolve("fd"))) {
                least = Math.min(least, files.count());
            }
        }
        return least;
    }

    /** Prints kilobytes of memory and open files when warm and at the end. */
    static final class Training {

        private Training() {
        }

        public static void main(String[] args) {
            Path folder = Path.of(args[0]);
            PreparedTokens tokens = PreparedTokens.open(folder.resolve("tokens"));
            int warm = Integer.parseInt(args[2]);
            new Trainer(SmallRun.of(tokens, Integer.parseInt(args[3])), tokens, RunDirectory.at(folder.resolve("run")),
                    () -> SmallRun.settings(TrainingPath.of(args[1]), SmallRun.BATCH / SmallRun.LENGTH), (metrics,
                    steps) -> {
                        if (metrics.step() == warm || metrics.step() == steps) {
                            print();
                        }
                    }, CheckpointPolicy.parse(String.valueOf(CHECKPOINTS), 2, 0)).run();
        }

        private static void print() {
            try {
                System.out.println(residentKilobytes() + "\n" + openFiles());
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
