package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.spec.StepMetrics;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.Test;
import tech.tablesaw.api.IntColumn;

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

    @Test
    void binsOfAHistogramDoubleInWidth() {
        JsonNode json = PlotlyJson.of(Charts.histogram("lengths",
                IntColumn.create("tokens", 0, 1, 2, 3, 8), "documents"));
        assertEquals("[\"0\",\"1\",\"2–3\",\"4–7\",\"8–15\"]", json.at("/data/0/x").toString());
        assertEquals("[1.0,1.0,2.0,0.0,1.0]", json.at("/data/0/y").toString());
        assertEquals("documents", json.at("/layout/yaxis/title/text").asText());
    }
}
