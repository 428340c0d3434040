package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.results.LossRow;
import gerbil.results.LossTable;
import gerbil.spec.Objective;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

class LossTableViewTest {

    private LossTable table;

    @BeforeEach
    void twoRuns(@TempDir Path empty) throws IOException {
        LossTable published = LossTable.read(empty);
        table = new LossTable(Stream.concat(published.rows().stream(), Stream.of(
                ours("paper", "3.3m", 60_030_976, 6.5, "pile-deduplicated"),
                ours("nano", "40k", 804_864, 2.5, "source <jars>"))).toList(), List.of());
    }

    private static LossRow ours(String scale, String size, long tokens, double loss, String corpus) {
        return new LossRow("Gerbil-A-" + size, scale, "causal", size, "A", 1L, tokens, 1, loss, loss, loss - 0.125, 1.0,
                corpus, "gpt2", "cpu", 1.0, "0.1.0", 0L, 0.01, 1e12);
    }

    @Test
    void publishedAndOursStandSideBySideInEachClass() {
        String html = LossTableHtml.render(table);
        assertTrue(html.matches("(?s).*>3\\.3m</th><td [^>]*>6\\.6644</td><td [^>]*>6\\.5000<br><span [^>]*>6\\.3750"
                + "</span></td><td [^>]*>6\\.0822</td><td [^>]*><span [^>]*>needs a GPU</span></td>.*"), html);
        assertTrue(html.matches("(?s).*>40k</th><td [^>]*></td><td [^>]*>2\\.5000<br>.*"), html);
        assertTrue(html.contains("announced, not published"));
        assertTrue(html.contains("ours on source &lt;jars&gt; in gpt2"));
        String body = html.substring(html.indexOf("<tbody>"));
        for (String row : body.split("</tr>")) {
            long cells = row.split("<td", -1).length - 1;
            assertTrue(cells == 8 || cells == 0, row);
        }
    }

    @Test
    void withoutMarkupTheGridsAreThere() {
        String plain = LossTableHtml.bundle(table).plainText();
        assertTrue(plain.contains("6.6644") && plain.contains("2.5000"), plain);
    }

    @Test
    void aLineHasTheColourOfItsSizeAndADashUnlessItIsPublished() {
        JsonNode data = PlotlyJson.of(LossFigures.byTokens(table, Objective.CAUSAL)).at("/data");
        assertEquals(List.of("3.3m, published", "6.7m, published", "15m, published", "32m, published",
                "3.3m, ours, paper", "40k, ours, nano"), data.findValuesAsText("name"));
        assertEquals(data.at("/0/line/color"), data.at("/4/line/color"));
        assertEquals("solid", data.at("/0/line/dash").asText());
        assertEquals("dash", data.at("/4/line/dash").asText());
        assertEquals(3, data.at("/0/x").size(), "classes A to C are published, D is not");
        assertEquals(6e7, data.at("/0/x/0").asDouble());
    }

    @Test
    void computeIsTheOtherAxis() {
        JsonNode json = PlotlyJson.of(LossFigures.byCompute(table, Objective.CAUSAL));
        assertEquals(6.2189568e14, json.at("/data/0/x/0").asDouble());
        assertEquals("log", json.at("/layout/xaxis/type").asText());
    }

    @Test
    void oursLieByThePublished() {
        List<LossRow> rows = table.rows();
        JsonNode data = PlotlyJson.of(LossFigures.beside(List.of(rows.get(0)), table.scale("paper").rows()))
                .at("/data");
        assertEquals(List.of(6.6644, 6.5), List.of(data.at("/0/x/0").asDouble(), data.at("/0/y/0").asDouble()));
        assertEquals(List.of(true, false), Stream.concat(table.scale("paper").rows().stream(),
                table.scale("nano").rows().stream()).map(LossRow::onThePile).toList());
    }
}
