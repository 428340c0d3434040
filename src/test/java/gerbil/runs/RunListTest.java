package gerbil.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import gerbil.base.ProcessLock;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

class RunListTest {

    private static final RunSpec DEFAULT =
            RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024", "data", "heldout");

    @TempDir
    private Path runs;

    private RunDirectory begin(RunSpec spec, String corpus) throws IOException {
        RunDirectory run = RunDirectory.of(runs, spec);
        run.claim(spec, () -> new RunEnvironment("0.1.0", "cpu", 2, "PyTorch", "17", corpus, "00",
                new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 4, 64, 8, false, 1), "2026-01-01T00:00:00Z"));
        return run;
    }

    /** @param age in seconds, of the checkpoint */
    private RunDirectory trained(RunSpec spec, String corpus, int age) throws IOException {
        RunDirectory run = begin(spec, corpus);
        try (NDManager manager = NDManager.newBaseManager()) {
            Checkpoint.save(run.checkpoints(), 393, Map.of("w", manager.create(new float[] {1})),
                    Map.of("m", manager.create(new float[] {2})), "", CheckpointPolicy.DEFAULT);
        }
        assertTrue(run.latestCheckpoint().orElseThrow().folder().toFile()
                .setLastModified(System.currentTimeMillis() - 1_000L * age));
        return run;
    }

    private List<String> named(String name) {
        return RunList.under(runs).trained(name).stream().map(run -> run.spec().runId()).toList();
    }

    @Test
    void theDefaultRunIsMeantBeforeNewerExperiments() throws IOException {
        RunSpec seed = DEFAULT.withSeed(1);
        RunSpec failed = DEFAULT.withLearningRate(50);
        RunSpec own = RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024", "mine", "mine");
        trained(DEFAULT, "source-jars", 40);
        trained(seed, "source-jars", 30);
        trained(own, "mine", 20);
        trained(failed, "source-jars", 10);
        begin(DEFAULT.withSeed(2), "source-jars");
        assertEquals(List.of(DEFAULT.runId(), failed.runId(), own.runId(), seed.runId()), named("Gerbil-A-40k"));
        assertEquals(List.of(seed.runId()), named(seed.runId()));
        assertEquals(List.of(seed.runId()), named(seed.runId().substring("seed1-".length())));
        assertEquals(List.of(seed.runId()), named("Gerbil-A-40k/" + seed.runId()));
        assertTrue(assertThrows(GerbilException.class, () -> named(DEFAULT.withSeed(2).runId())).getMessage()
                .contains("a run with a checkpoint"));
    }

    @Test
    void whatIsTrainedNowIsMeantBeforeWhatWasStartedLater() throws IOException {
        RunDirectory running = begin(DEFAULT, "source-jars");
        RunDirectory later = begin(DEFAULT.withSeed(1), "source-jars");
        assertTrue(running.folder().resolve("run.json").toFile().setLastModified(1_000_000));
        assertEquals(later.folder(), RunList.under(runs).started("Gerbil-A-40k").get(0).folder());
        try (ProcessLock ignored = running.lock(false)) {
            assertTrue(running.folder().resolve("lock").toFile().setLastModified(1_000_000));
            assertEquals(running.folder(), RunList.under(runs).started("Gerbil-A-40k").get(0).folder());
            assertTrue(running.toString().endsWith(running.spec().runId() + ": training, step 0 of 393"),
                    running.toString());
        }
    }

    /** Whatever is missing or broken in a directory, the list has it, and all others. */
    @Test
    void aDirectoryThatIsNotWholeIsListedByName() throws IOException {
        begin(DEFAULT, "source-jars");
        for (String broken : List.of("", "{}", "{\"spec\": {}}", "{\"spec\": null, \"environment\": null}")) {
            Files.writeString(runs.resolve("Gerbil-A-40k").resolve(DEFAULT.runId()).resolve("result.json"), broken);
            RunDirectory other = begin(DEFAULT.withSeed(1), "source-jars");
            Files.writeString(other.folder().resolve("run.json"), broken);
            List<RunSummary> list = RunList.under(runs).summaries();
            assertEquals(List.of("Gerbil-A-40k/" + DEFAULT.runId(), "Gerbil-A-40k/" + DEFAULT.withSeed(1).runId()),
                    list.stream().map(RunSummary::run).toList());
            for (RunSummary run : list) {
                assertTrue(run.state().startsWith("not whole: ") && run.state().contains(".json"), run.state());
            }
            Files.delete(other.folder().resolve("run.json"));
        }
        RunDirectory noMetrics = trained(DEFAULT.withSeed(2), "source-jars", 1);
        Files.writeString(noMetrics.metricsFile(), "{\"step\":\n");
        assertTrue(noMetrics.state().startsWith("not whole: ") && noMetrics.state().contains("metrics.jsonl"),
                noMetrics.state());
    }

    @Test
    void aLinkThatLeadsNowhereIsListedByNameAndTheOthersToo() throws IOException {
        RunDirectory run = trained(DEFAULT, "source-jars", 1);
        Files.createSymbolicLink(runs.resolve("circle"), runs);
        Files.createSymbolicLink(runs.resolve("gone"), runs.resolve("none"));
        List<RunSummary> list = RunList.under(runs).summaries();
        assertEquals(List.of("Gerbil-A-40k/" + DEFAULT.runId(), "circle", "gone"),
                list.stream().map(RunSummary::run).toList());
        for (RunSummary link : list.subList(1, 3)) {
            assertTrue(link.state().startsWith("not whole: ") && link.state().contains(link.run()), link.state());
        }
        assertEquals(List.of(DEFAULT.runId()), named("Gerbil-A-40k"));
        assertEquals(run.folder(), RunList.under(runs).started("Gerbil-A-40k").get(0).folder());
    }
}
