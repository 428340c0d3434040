package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.runs.MetricsLog;
import gerbil.runs.RunDirectory;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

class ChartsTest {

    @Test
    void aLongRunIsDrawnThroughTheMeansOfItsSteps() {
        List<StepMetrics> steps = IntStream.rangeClosed(1, 1_000)
                .mapToObj(step -> new StepMetrics(step, 100L * step, step % 2, 1e-3, 1, 1_000)).toList();
        JsonNode json = PlotlyJson.of(Charts.lossCurve("run", steps));
        JsonNode trace = json.at("/data/0");
        assertEquals(334, trace.at("/x").size());
        assertEquals(100_000, trace.at("/x/333").asDouble());
        assertEquals(2 / 3.0, trace.at("/y/0").asDouble(), 1e-12);
        JsonNode smoothed = json.at("/data/1");
        assertEquals(trace.get("x"), smoothed.get("x"));
        smoothed.get("y").forEach(loss -> assertEquals(0.5, loss.asDouble(), 0.12));
        assertFalse(json.at("/layout/showlegend").asBoolean(true), "of one run");
    }

    @Test
    void seedsOfOneModelAreItsMeanAndSpread(@TempDir Path folder) throws IOException {
        RunSpec spec = RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024", "data", "held");
        List<RunDirectory> runs = List.of(begun(folder, spec, 4), begun(folder, spec.withSeed(7), 6),
                begun(folder, spec.withLearningRate(0.5), 9));
        JsonNode json = PlotlyJson.of(Charts.lossCurves("models", runs));
        JsonNode data = json.get("data");
        assertEquals(List.of("Gerbil-A-40k, 2 seeds", "Gerbil-A-40k, " + runs.get(2).spec().runId()),
                named(data));
        assertTrue(json.at("/layout/showlegend").asBoolean());
        assertEquals("[5.0,5.0,5.0]", data.at("/1/y").toString());
        assertEquals("[100.0,200.0,300.0,300.0,200.0,100.0]", data.at("/0/x").toString());
        assertEquals(5 + Math.sqrt(2), data.at("/0/y/0").asDouble(), 1e-12);
        assertEquals(5 - Math.sqrt(2), data.at("/0/y/5").asDouble(), 1e-12);
        assertEquals("toself", data.at("/0/fill").asText());
        assertEquals("[9.0,9.0,9.0]", data.at("/3/y").toString());
    }

    private static List<String> named(JsonNode data) {
        return data.findValuesAsText("name").stream().filter(name -> !name.isEmpty()).toList();
    }

    private static RunDirectory begun(Path folder, RunSpec spec, double loss) throws IOException {
        RunDirectory run = RunDirectory.of(folder, spec);
        run.claim(spec, () -> new RunEnvironment("0.1.0", "cpu", 2, "PyTorch", "17", "texts", "00",
                new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 4, 64, 8, false, 1), "2026-01-01T00:00:00Z"));
        try (MetricsLog log = MetricsLog.continueAfter(0, run.metricsFile())) {
            for (int step = 1; step <= 3; step++) {
                log.add(new StepMetrics(step, 100L * step, loss, 1e-3, 1, 1_000));
            }
        }
        return run;
    }

    @Test
    void aBlenderRunHasALineForEachObjectiveThatWasThere() {
        List<StepMetrics> steps = IntStream.rangeClosed(1, 4).mapToObj(step -> new StepMetrics(step, 100L * step, 2,
                1e-3, 1, 1_000, step < 3 ? Map.of("causal", 1.0) : Map.of("causal", 1.0, "masked", 3.0))).toList();
        JsonNode data = PlotlyJson.of(Charts.lossByObjective("run", steps)).at("/data");
        assertEquals(List.of("causal", "masked", "all"), named(data));
        assertEquals(4, data.at("/1/y").size());
        assertEquals(2, data.at("/3/y").size());
        assertEquals(3, data.at("/3/y/0").asDouble());
    }

    /** Rows in no order; one run has no deviation. */
    @Test
    void runsOfOneSettingAreOnePoint() {
        JsonNode data = PlotlyJson.of(Charts.means("runs", Table.create(
                StringColumn.create("head", "own", "tied", "own", "own", "own", "tied"),
                IntColumn.create("batch", 64, 32, 32, 64, 64, 64),
                DoubleColumn.create("heldoutLoss", 1, 7, 5, 2, 3, 8)), "head", "batch", "heldoutLoss")).at("/data");
        assertEquals("own tied", data.at("/0/name").asText() + " " + data.at("/1/name").asText());
        assertEquals("[32.0,64.0] [5.0,2.0] [0.0,1.0]", data.at("/0/x") + " " + data.at("/0/y") + " "
                + data.at("/0/error_y/array"));
        assertEquals("[32.0,64.0] [7.0,8.0]", data.at("/1/x") + " " + data.at("/1/y"));
        assertTrue(data.at("/1/error_y").isMissingNode());
    }

    @Test
    void tagsAreColouredAndTextIsEscaped() {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.cut(1_024).withSpecialTokens());
        String html = TaggedText.html(tokenizer, tokenizer.encodeTagged("<causal> a<b> & c <mlm_end><|endoftext|>"));
        assertTrue(html.matches("<span [^>]*>&lt;causal&gt;</span> a&lt;b&gt; &amp; c <span [^>]*>&lt;mlm_end&gt;"
                + "</span><span [^>]*>&lt;\\|endoftext\\|&gt;</span>"), html);
    }

    /** Values at the edges of bins, which binary fractions miss: 0.9 is no less than 0.9. */
    @Test
    void fractionsAreCountedInBinsOfOneWidth() {
        JsonNode json = PlotlyJson.of(Charts.histogram("near copies", DoubleColumn.create("similarity",
                0.871, 0.88, 0.8999, 0.9, 0.92, 0.9199, 0.9799, 1.0, 1.0), "pairs"));
        assertEquals("[\"0.86–0.88\",\"0.88–0.90\",\"0.90–0.92\",\"0.92–0.94\",\"0.94–0.96\",\"0.96–0.98\","
                + "\"0.98–1.00\",\"1.00–1.02\"]", json.at("/data/0/x").toString());
        assertEquals("[1.0,2.0,2.0,1.0,0.0,1.0,0.0,2.0]", json.at("/data/0/y").toString());
        assertEquals("[\"-200–0\",\"0–200\",\"200–400\",\"400–600\",\"600–800\",\"800–1000\"]",
                PlotlyJson.of(Charts.histogram("wide", DoubleColumn.create("x", -0.5, 0, 999.9), "values"))
                        .at("/data/0/x").toString());
        assertEquals("[3.0]", PlotlyJson.of(Charts.histogram("one", DoubleColumn.create("x", 0.9, 0.9, 0.9), "values"))
                .at("/data/0/y").toString());
    }

    @Test
    void aBarOfAccuracyHasTwoStandardErrorsToEitherSide() {
        Table scores = Table.create(StringColumn.create("task", "piqa", "piqa"),
                StringColumn.create("model", "small", "large"), DoubleColumn.create("accuracy", 0.5, 0.625),
                DoubleColumn.create("standardError", 0.0625, 0.03125), DoubleColumn.create("chance", 0.5, 0.5));
        JsonNode data = PlotlyJson.of(Charts.accuracies("scores", scores)).at("/data");
        assertEquals(List.of("small", "large", "chance"), data.findValuesAsText("name"));
        assertEquals(List.of(0.5, 0.125), List.of(data.at("/0/y/0").asDouble(),
                data.at("/0/error_y/array/0").asDouble()));
        assertEquals(List.of(0.625, 0.0625), List.of(data.at("/1/y/0").asDouble(),
                data.at("/1/error_y/array/0").asDouble()));
        assertEquals(0.5, data.at("/2/y/0").asDouble());
    }

    @Test
    void binsOfAHistogramDoubleInWidth() {
        JsonNode json = PlotlyJson.of(Charts.histogram("lengths",
                IntColumn.create("tokens", 0, 1, 2, 3, 8), "documents"));
        assertEquals("[\"0\",\"1\",\"2–3\",\"4–7\",\"8–15\"]", json.at("/data/0/x").toString());
        assertEquals("[1.0,1.0,2.0,0.0,1.0]", json.at("/data/0/y").toString());
        assertEquals("documents", json.at("/layout/yaxis/title/text").asText());
    }
}
