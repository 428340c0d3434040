package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.base.Json;
import gerbil.results.LossCell;
import gerbil.results.LossRow;
import gerbil.results.LossTable;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

class LossTableViewTest {

    @TempDir
    private Path results;
    private LossTable table;

    @BeforeEach
    void threeRuns() throws IOException {
        ours("3.3m", 0, "pile-deduplicated", 6.5);
        ours("40k", 0, "source <jars>", 2.5);
        ours("40k", 1, "source <jars>", 2.75);
        table = LossTable.read(results);
    }

    /** Held-out loss is the training loss less 0.125. */
    private void ours(String size, int seed, String corpus, double loss) throws IOException {
        RunSpec spec = RunSpec.of(ModelSize.of(size), BudgetClass.A, Objective.CAUSAL, seed, "gpt2", "data", "heldout");
        RunEnvironment environment = new RunEnvironment("0.1.0", "cpu", 2, "PyTorch", "17", corpus, "00",
                new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 4, 64, 8, false, 1), "2026-01-01T00:00:00Z");
        Json.write(Files.createDirectories(results.resolve("runs")).resolve(spec.model() + seed + ".json"),
                new RunResult(spec, environment, spec.config().parameters(), spec.tokens(), loss, loss, loss - 0.125, 1,
                        1, 50, 0, null, List.of()));
    }

    @Test
    void publishedAndOursStandSideBySideInEachClass() {
        String html = LossTableHtml.render(table);
        assertTrue(html.matches("(?s).*>3\\.3m</th><td [^>]*>6\\.6644</td><td [^>]*>6\\.3750<br><span [^>]*>6\\.5000"
                + "</span></td><td [^>]*>6\\.0822</td><td [^>]*><span [^>]*>–</span></td>.*"), html);
        // 2.375 and 2.625 held out, 2.5 and 2.75 in training
        assertTrue(html.matches("(?s).*>40k</th><td [^>]*></td><td [^>]*>2\\.5000<br><span [^>]*>±&nbsp;0\\.1768,"
                + "&nbsp;n&nbsp;=&nbsp;2</span><br><span [^>]*>2\\.6250</span></td>.*"), html);
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
        assertTrue(plain.contains("6.6644") && plain.contains("2.5000 ± 0.1768 (n = 2)"), plain);
    }

    @Test
    void aLineHasTheColourOfItsSizeAndADashUnlessItIsPublished() {
        JsonNode data = PlotlyJson.of(LossFigures.byTokens(table, Objective.CAUSAL)).at("/data");
        assertEquals(List.of("3.3m, published, training", "6.7m, published, training",
                "15m, published, training", "32m, published, training", "3.3m, ours, held out", "40k, ours, held out"),
                data.findValuesAsText("name"));
        assertEquals(data.at("/0/line/color"), data.at("/4/line/color"));
        assertEquals("solid", data.at("/0/line/dash").asText());
        assertEquals("dash", data.at("/4/line/dash").asText());
        assertEquals(3, data.at("/0/x").size(), "classes A to C are published, D is not");
        assertEquals(6e7, data.at("/0/x/0").asDouble());
        assertEquals(6.375, data.at("/4/y/0").asDouble());
        assertTrue(data.at("/4/error_y").isMissingNode(), "one seed has no spread");
        assertEquals(2.5, data.at("/5/y/0").asDouble());
        assertEquals(Math.sqrt(0.03125), data.at("/5/error_y/array/0").asDouble(), 1e-12);
    }

    @Test
    void computeIsTheOtherAxis() {
        JsonNode json = PlotlyJson.of(LossFigures.byCompute(table, Objective.CAUSAL));
        assertEquals(6.2189568e14, json.at("/data/0/x/0").asDouble());
        assertEquals("log", json.at("/layout/xaxis/type").asText());
    }

    @Test
    void oursLieByThePublished() {
        LossCell published = table.matrices("published", Objective.CAUSAL).get(0)
                .cell(ModelSize.of("3.3m"), BudgetClass.A).orElseThrow();
        LossCell ours = table.matrices("paper", Objective.CAUSAL).get(0)
                .cell(ModelSize.of("3.3m"), BudgetClass.A).orElseThrow();
        JsonNode data = PlotlyJson.of(LossFigures.beside(List.of(published), List.of(ours))).at("/data");
        assertEquals(List.of(6.6644, 6.5), List.of(data.at("/0/x/0").asDouble(), data.at("/0/y/0").asDouble()));
        assertEquals(List.of(true, false, false), Stream.concat(table.scale("paper").stream(),
                table.scale("nano").stream()).map(LossRow::onThePile).toList());
    }
}
