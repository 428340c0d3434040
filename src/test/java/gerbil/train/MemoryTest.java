package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Native arrays that are not freed in time do not show in Java's heap, only in the process's memory. */
class MemoryTest {

    private static final Path STATUS = Path.of("/proc/self/status");
    private static final int WARM = 300;
    private static final int STEPS = 2_300;

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource
    void twoThousandStepsGrowTheProcessByLessThanTwoPercent(TrainingPath path) throws Exception {
        assumeTrue(Files.exists(STATUS), "this system does not tell a process's memory (no /proc)");
        TestTokens.prepare(folder, 40_000);
        // a heap that is all resident from the start, and no optimizing compiler, which takes some megabytes when it
        // pleases: so only what the training does not free can grow
        Process child = Child.start(List.of("-Xms96m", "-Xmx96m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1"), Training.class, folder.toString(), path.name());
        List<Long> memory;
        try (BufferedReader out = child.inputReader()) {
            memory = out.lines().map(Long::parseLong).collect(Collectors.toList());
        }
        assertEquals(0, child.waitFor());
        double growth = (double) memory.get(1) / memory.get(0) - 1;
        assertTrue(growth < 0.02, "from " + memory.get(0) + " to " + memory.get(1) + " kB");
    }

    private static long residentKilobytes() {
        try (Stream<String> lines = Files.lines(STATUS)) {
            String resident = lines.filter(line -> line.startsWith("VmRSS")).findFirst().orElseThrow();
            return Long.parseLong(resident.replaceAll("\\D", ""));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Prints the memory when warm and at the end. */
    static final class Training {

        private Training() {
        }

        public static void main(String[] args) {
            Path folder = Path.of(args[0]);
            PreparedTokens tokens = PreparedTokens.open(folder.resolve("tokens"));
            new Trainer(SmallRun.of(tokens, STEPS), tokens, RunDirectory.at(folder.resolve("run")),
                    () -> SmallRun.settings(TrainingPath.of(args[1]), SmallRun.BATCH / SmallRun.LENGTH), (metrics,
                    steps) -> {
                        if (metrics.step() == WARM || metrics.step() == STEPS) {
                            System.out.println(residentKilobytes());
                        }
                    }, Duration.ofHours(1)).run();
        }
    }
}
