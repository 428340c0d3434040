package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import gerbil.Campaign;
import gerbil.base.Folders;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.RunDirectory;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** A run whose process is killed again and again, in its steps, its checkpoints and its evaluation. */
class KilledRunTest {

    private static final int STEPS = 60;
    /** Steps from one save to the next, which takes as long as many of them. */
    private static final int EVERY = 3;

    @TempDir
    private Path folder;

    /** What a finished run has, but for the time it took. */
    private record Outcome(List<String> hashes, List<List<Double>> steps, double heldoutLoss, double wholeRunLoss) {
    }

    /** Of runs that share the kills: of two passes a step and of four. */
    @ParameterizedTest
    @CsvSource({"CAUSAL, 2", "BLENDER, 1"})
    void killedAgainAndAgain(Objective objective, int microBatch) throws Exception {
        TestTokens.prepare(folder, 40_000, 150_000);
        RunDirectory run = RunDirectory.at(folder.resolve("run"));
        List<String> notes = new ArrayList<>();
        int[] inSave = {0};
        int[] inEvaluation = {0};
        long[] bytes = {0, 0};
        Kills kills = new Kills() {

            private Outcome expected;

            @Override
            protected Process start() throws IOException {
                return Child.start(List.of("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"), Training.class,
                        folder.toString(), objective.name(), String.valueOf(microBatch));
            }

            @Override
            protected void killed(List<String> said) throws IOException {
                inSave[0] += Files.exists(run.checkpoints().resolve("next.tmp")) ? 1 : 0;
                inEvaluation[0] += run.metrics().size() == STEPS && run.result().isEmpty() ? 1 : 0;
                bytes[0] = Math.max(bytes[0], bytes());
                // what was due before the last step that was told is saved
                int told = said.stream().filter(line -> line.startsWith("step")).mapToInt(line ->
                        Integer.parseInt(line.substring(5))).max().orElse(0);
                int saved = run.wholeCheckpoint(notes::add).map(c -> c.step()).orElse(0);
                assertTrue(saved >= (told - 1) / EVERY * EVERY, "step " + told + " was told, and saved is " + saved);
                assertStepsAreInOrder(run.metrics());
                assertTrue(run.metrics().size() >= saved);
            }

            @Override
            protected void done() throws IOException {
                Outcome outcome = outcome();
                expected = expected == null ? outcome : expected;
                assertEquals(expected, outcome);
                assertStepsAreInOrder(run.metrics());
                assertEquals(List.of("step-0000057", "step-0000060"), checkpoints());
                bytes[1] = Math.max(bytes[1], bytes());
                WholeFile.delete(run.folder());
            }

            private Outcome outcome() throws IOException {
                Path last = run.latestCheckpoint().orElseThrow().folder();
                return new Outcome(List.of(Sha256.hex(last.resolve("weights.safetensors")),
                        Sha256.hex(last.resolve("moments.safetensors"))), run.metrics().stream().map(m ->
                        List.of(m.loss(), m.gradientNorm(), m.learningRate())).toList(),
                        run.result().orElseThrow().heldoutLoss(), run.result().orElseThrow().wholeRunLoss());
            }

            private long bytes() throws IOException {
                return Folders.files(run.folder()).values().stream().mapToLong(BasicFileAttributes::size).sum();
            }

            private List<String> checkpoints() throws IOException {
                try (Stream<Path> list = Files.list(run.checkpoints())) {
                    return list.map(f -> f.getFileName().toString()).sorted().toList();
                }
            }
        };
        int all = Campaign.many("kills.training", 6);
        int count = objective == Objective.CAUSAL ? all - all / 2 : all / 2;
        kills.run(count);
        assertTrue(count < 30 || inSave[0] > 0, "no kill inside a save");
        assertEquals(List.of(), notes, "checkpoints that are damaged");
        assertTrue(bytes[0] < 2 * bytes[1], bytes[0] + " bytes of a killed run, and " + bytes[1] + " of a whole one");
        Campaign.report("SIGKILL while a " + objective.name().toLowerCase(Locale.ROOT) + " run trains, saves and evaluates", count + " kills, " + inSave[0]
                + " of them inside a save and " + inEvaluation[0] + " in the evaluation at the end; " + kills.works()
                + " runs to the end, all with the same weights, moments, metrics and losses; no checkpoint lost or "
                + "damaged; at most " + bytes[0] / 1_000 + " kB on disk, finished " + bytes[1] / 1_000);
    }

    private static void assertStepsAreInOrder(List<StepMetrics> metrics) {
        assertEquals(IntStream.rangeClosed(1, metrics.size()).boxed().toList(),
                metrics.stream().map(StepMetrics::step).toList());
    }

    static final class Training {

        private Training() {
        }

        public static void main(String[] args) {
            Path folder = Path.of(args[0]);
            PreparedTokens tokens = PreparedTokens.open(folder.resolve("tokens"));
            NDManager.newBaseManager().close(); // loads the engine, which is not what is to be killed
            System.out.println("begun");
            RunSpec causal = SmallRun.of(tokens, STEPS);
            RunSpec spec = new RunSpec(causal.size(), causal.budgetClass(), Objective.valueOf(args[1]), causal.tokens(),
                    causal.batchTokens(), causal.sequenceLength(), 0, causal.optimizer(), causal.vocabulary(),
                    causal.data(), causal.heldoutData());
            new Trainer(spec, tokens, RunDirectory.at(folder.resolve("run")),
                    () -> SmallRun.settings(TrainingPath.FUSED, Integer.parseInt(args[2])), (metrics, steps) ->
                    System.out.println("step " + metrics.step()), CheckpointPolicy.parse(String.valueOf(EVERY), 2, 0)).run();
        }
    }
}
