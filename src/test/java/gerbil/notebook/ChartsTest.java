package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.spec.StepMetrics;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.Test;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

class ChartsTest {

    @Test
    void aLongRunIsDrawnThroughTheMeansOfItsSteps() {
        List<StepMetrics> steps = IntStream.rangeClosed(1, 1_000)
                .mapToObj(step -> new StepMetrics(step, 100L * step, step % 2, 1e-3, 1, 1_000)).toList();
        JsonNode trace = PlotlyJson.of(Charts.lossCurve("run", steps)).at("/data/0");
        assertEquals(334, trace.at("/x").size());
        assertEquals(100_000, trace.at("/x/333").asDouble());
        assertEquals(2 / 3.0, trace.at("/y/0").asDouble(), 1e-12);
    }

    @Test
    void aBlenderRunHasALineForEachObjectiveThatWasThere() {
        List<StepMetrics> steps = IntStream.rangeClosed(1, 4).mapToObj(step -> new StepMetrics(step, 100L * step, 2,
                1e-3, 1, 1_000, step < 3 ? Map.of("causal", 1.0) : Map.of("causal", 1.0, "masked", 3.0))).toList();
        JsonNode data = PlotlyJson.of(Charts.lossByObjective("run", steps)).at("/data");
        assertEquals(List.of("causal", "masked", "all"),
                IntStream.range(0, data.size()).mapToObj(i -> data.get(i).get("name").asText()).toList());
        assertEquals(4, data.at("/0/y").size());
        assertEquals(2, data.at("/1/y").size());
        assertEquals(3, data.at("/1/y/0").asDouble());
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
