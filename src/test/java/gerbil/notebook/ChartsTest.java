package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.spec.StepMetrics;
import gerbil.tokens.Tokenizer;
import gerbil.tokens.Vocabulary;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

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
        List<StepMetrics> steps = IntStream.rangeClosed(1, 4).mapToObj(step -> new StepMetrics(step, 100L * step, 2, 1e-3,
                1, 1_000, step < 3 ? Map.of("causal", 1.0) : Map.of("causal", 1.0, "masked", 3.0))).toList();
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
        String html = TaggedText.html(tokenizer, tokenizer.encodeTagged("<causal> a<b> & c <|endoftext|>"));
        assertTrue(html.matches("<span [^>]*>&lt;causal&gt;</span> a&lt;b&gt; &amp; c <span [^>]*>&lt;\\|endoftext\\|&gt;"
                + "</span>"), html);
    }

    @Test
    void aLineHasTheColourOfItsSizeAndADashUnlessItIsOurs() {
        JsonNode json = PlotlyJson.of(Charts.lossByTokens("table", Table.create(
                StringColumn.create("size", "3.3m", "3.3m", "6.7m", "3.3m"),
                StringColumn.create("source", "ours", "ours", "ours", "published"),
                DoubleColumn.create("tokens", 2e8, 1e8, 1e8, 1e8),
                DoubleColumn.create("loss", 5.5, 6, 5, 6.1)), "size", "source"));
        assertEquals("log", json.at("/layout/xaxis/type").asText());
        assertEquals(3, json.at("/data").size());
        assertEquals("3.3m, ours", json.at("/data/0/name").asText());
        assertEquals(1e8, json.at("/data/0/x/0").asDouble(), "sorted by tokens");
        assertEquals(json.at("/data/0/line/color"), json.at("/data/2/line/color"));
        assertEquals("dash", json.at("/data/2/line/dash").asText());
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
