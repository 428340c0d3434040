package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import gerbil.base.Json;
import gerbil.objective.CausalSequences;
import gerbil.spec.BudgetClass;
import gerbil.spec.GptJConfig;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A process that may not have the memory of a whole batch trains it in smaller passes, to the same numbers. */
class OutOfMemoryTest {

    private static final int SEQUENCES = 1_024;
    private static final long ADDRESS_SPACE = 2_700_000L << 10;

    @TempDir
    private Path folder;

    @Test
    void theMicroBatchIsHalvedUntilItFits() throws Exception {
        PreparedTokens tokens = TestTokens.prepare(folder, 40_000);
        double unlimited;
        try (TrainingSetup setup = TrainingSetup.of(Limited.spec(tokens), SmallRun.settings(TrainingPath.PLAIN, 64))) {
            unlimited = setup.step().backward(new CausalSequences(tokens.train(), SmallRun.LENGTH, 0), 0,
                    SEQUENCES).mean();
        }
        Process child = limited(Limited.class);
        try (BufferedReader out = child.inputReader()) {
            assertEquals(unlimited, Double.parseDouble(out.readLine()), 1e-4);
            int microBatch = Integer.parseInt(out.readLine());
            assertTrue(microBatch >= 64 && microBatch < SEQUENCES, "micro-batch " + microBatch);
        }
        assertEquals(0, child.waitFor());
    }

    /** Four long sequences do not fit at once, then one does not, then one does whose activations are not kept. */
    @Test
    void activationsAreComputedAgainWhereNotEvenOneSequenceFits() throws Exception {
        Process child = limited(LongSequences.class);
        try (BufferedReader out = child.inputReader()) {
            StepSettings fitted = Json.parse(out.readLine(), StepSettings.class, "the child's output");
            assertEquals(LongSequences.wanted().withMicroBatch(1), new StepSettings(fitted.path(), fitted.precision(),
                    fitted.microBatch(), fitted.headChunk(), fitted.headBlock(), false, 1));
            assertTrue(fitted.recompute());
        }
        assertEquals(0, child.waitFor());
    }

    private Process limited(Class<?> main) throws IOException {
        Path prlimit = Path.of("/usr/bin/prlimit");
        assumeTrue(Files.isExecutable(prlimit), "this system has no prlimit to take memory away with");
        return Child.start(List.of(prlimit.toString(), "--as=" + ADDRESS_SPACE),
                List.of("-Xmx128m", "-XX:+UseSerialGC", "-XX:CompressedClassSpaceSize=64m",
                        "-XX:ReservedCodeCacheSize=64m"), main, folder.toString());
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
                System.out.println(setup.step().backward(data, 0, SEQUENCES).mean());
                System.out.println(setup.step().microBatch());
            }
        }
    }

    /** Prints the settings that fit. */
    static final class LongSequences {

        private static final GptJConfig CONFIG = new GptJConfig(1_024, 256, 8, 8, 16, 2_048);

        private LongSequences() {
        }

        static StepSettings wanted() {
            return SmallRun.settings(TrainingPath.FUSED, 4);
        }

        public static void main(String[] args) {
            RunSpec spec = new RunSpec("92k", BudgetClass.A, Objective.CAUSAL, 1, 4 * CONFIG.contextLength(),
                    CONFIG.contextLength(), 0, OptimizerSettings.withLearningRate(1e-2), "any", "any", "any", null, null,
                    CONFIG);
            System.out.println(Json.line(StepTuning.fit(spec, wanted())));
        }
    }
}
