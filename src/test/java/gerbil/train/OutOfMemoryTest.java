package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import gerbil.objective.CausalSequences;
import gerbil.spec.BudgetClass;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A process that may not have the memory of a whole batch trains it in smaller passes, to the same numbers. */
class OutOfMemoryTest {

    private static final int SEQUENCES = 4_096;
    private static final int ADDRESS_SPACE_KILOBYTES = 5_000_000;

    @TempDir
    private Path folder;

    @Test
    void theMicroBatchIsHalvedUntilItFits() throws Exception {
        Path prlimit = Path.of("/usr/bin/prlimit");
        assumeTrue(Files.isExecutable(prlimit), "this system has no prlimit to take memory away with");
        PreparedTokens tokens = TestTokens.prepare(folder, 40_000);
        double unlimited;
        try (TrainingSetup setup = TrainingSetup.of(Limited.spec(tokens), SmallRun.settings(TrainingPath.PLAIN, 64))) {
            unlimited = setup.step().backward(new CausalSequences(tokens.train(), SmallRun.LENGTH, 0), 0, SEQUENCES);
        }
        Process child = Child.start(List.of(prlimit.toString(), "--as=" + ADDRESS_SPACE_KILOBYTES * 1024L),
                List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:CompressedClassSpaceSize=64m",
                        "-XX:ReservedCodeCacheSize=64m"), Limited.class, folder.toString());
        try (BufferedReader out = child.inputReader()) {
            assertEquals(unlimited, Double.parseDouble(out.readLine()), 1e-4);
            int microBatch = Integer.parseInt(out.readLine());
            assertTrue(microBatch >= 64 && microBatch < SEQUENCES, "micro-batch " + microBatch);
        }
        assertEquals(0, child.waitFor());
    }

    /** Prints the loss of a batch that is first tried at once, and the micro-batch that it was computed in. */
    static final class Limited {

        private Limited() {
        }

        static RunSpec spec(PreparedTokens tokens) {
            return new RunSpec("40k", BudgetClass.A, Objective.CAUSAL, 1, SEQUENCES * SmallRun.LENGTH, SmallRun.LENGTH,
                    0, OptimizerSettings.withLearningRate(1e-2), "any", tokens.train().hash(), "any");
        }

        public static void main(String[] args) {
            PreparedTokens tokens = PreparedTokens.open(Path.of(args[0], "tokens"));
            try (TrainingSetup setup = TrainingSetup.of(spec(tokens),
                    SmallRun.settings(TrainingPath.PLAIN, SEQUENCES))) {
                CausalSequences data = new CausalSequences(tokens.train(), SmallRun.LENGTH, 0);
                System.out.println(setup.step().backward(data, 0, SEQUENCES));
                System.out.println(setup.step().microBatch());
            }
        }
    }
}
