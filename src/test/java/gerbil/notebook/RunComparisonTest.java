package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.runs.RunDirectory;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tech.tablesaw.api.Table;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class RunComparisonTest {

    private static final StepSettings STEP = new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 16, 512, 0, false, 1);
    private static final RunSpec SPEC =
            RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024", "data", "heldout");

    @TempDir
    private Path runs;
    private final List<RunDirectory> finished = new ArrayList<>();

    /** Twice as many steps of half the size; the second of two seeds half a nat above the first. */
    @BeforeEach
    void finish() throws IOException {
        finish(SPEC, "cpu", 4, 100, 3);
        finish(SPEC.withSeed(1), "cpu", 4, 100, 4);
        finish(SPEC.with("batch-tokens", 1024), "another cpu", 8, 50, 2);
    }

    private void finish(RunSpec spec, String device, int steps, int tokens, double loss) throws IOException {
        RunDirectory run = RunDirectory.of(runs, spec);
        Files.createDirectories(run.folder());
        Files.writeString(run.metricsFile(), IntStream.rangeClosed(1, steps).mapToObj(step -> Json.line(
                new StepMetrics(step, (long) step * tokens, loss, 1e-3, 1, 200)) + "\n").collect(Collectors.joining()));
        run.finish(new RunResult(spec, new RunEnvironment("0.1.0", device, 1, "", "", "texts", "00", STEP, ""), 1,
                (long) steps * tokens, loss, loss, loss, loss / 2, 1, 50, 0, null, List.of()));
        finished.add(run);
    }

    @Test
    void curvesAreAlignedByTokensTimeOrCompute() {
        long flops = SPEC.config().flopsPerToken(128) * 400;
        double[] ends = {400, 2, flops};
        for (Alignment by : Alignment.values()) {
            JsonNode data = PlotlyJson.of(RunComparison.of(finished, by).figure()).at("/data");
            assertEquals(3, data.size());
            for (JsonNode line : data) {
                assertEquals(ends[by.ordinal()], line.at("/x").get(line.at("/x").size() - 1).asDouble(), 1e-6 * flops);
            }
            assertEquals(data.at("/0/line/color"), data.at("/1/line/color"));
        }
        Table table = RunComparison.of(finished, Alignment.TOKENS).curves(8);
        assertEquals(List.of("", "3.5000", "", "3.5000"), table.stringColumn(1).asList().subList(0, 4));
        assertEquals(List.of("50", "2.0000"), List.of(table.get(0, 0), table.get(0, 2)));
    }

    @Test
    void timesOfDifferentMachinesAreSaidToBe() {
        assertEquals(1, RunComparison.of(finished, Alignment.TOKENS).notes().size());
        assertTrue(RunComparison.of(finished, Alignment.TIME).notes().get(0).contains("different machines"));
        assertEquals(1, RunComparison.of(finished.subList(0, 2), Alignment.TIME).tables().size());
    }

    @Test
    void aContinuedRunStandsBehindTheOneBefore() throws IOException {
        RunSpec star = RunSpec.of(ModelSize.of("40k"), BudgetClass.of("A*"), Objective.CAUSAL, 0, "gpt2-1024", "data",
                "heldout");
        finish(star, "cpu", 4, 100, 1);
        List<RunDirectory> both = List.of(finished.get(0), finished.get(3));
        long flops = SPEC.config().flopsPerToken(128);
        for (Alignment by : List.of(Alignment.TOKENS, Alignment.COMPUTE)) {
            JsonNode x = PlotlyJson.of(RunComparison.of(both, by).figure()).at("/data/1/x");
            assertEquals((star.tokensBefore() + 400) * (by == Alignment.TOKENS ? 1. : flops), x.get(x.size() - 1)
                    .asDouble(), 1);
        }
        assertTrue(RunComparison.of(both, Alignment.TIME).notes().get(0).contains("continue others"));
    }

    @Test
    void anUnfinishedRunIsRefused() throws IOException {
        Files.delete(finished.get(1).folder().resolve("result.json"));
        assertTrue(assertThrows(GerbilException.class, () -> RunComparison.of(finished, Alignment.TOKENS)).getMessage()
                .contains("no result in " + finished.get(1).folder()));
    }
}
