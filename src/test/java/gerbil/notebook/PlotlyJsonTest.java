package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.plotly.api.BoxPlot;
import tech.tablesaw.plotly.api.Heatmap;
import tech.tablesaw.plotly.api.Histogram;
import tech.tablesaw.plotly.api.HorizontalBarPlot;
import tech.tablesaw.plotly.api.LinePlot;
import tech.tablesaw.plotly.api.PiePlot;
import tech.tablesaw.plotly.api.ScatterPlot;
import tech.tablesaw.plotly.components.Axis;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.components.Font;
import tech.tablesaw.plotly.components.Layout;
import tech.tablesaw.plotly.components.Line;
import tech.tablesaw.plotly.components.Marker;
import tech.tablesaw.plotly.traces.BarTrace;
import tech.tablesaw.plotly.traces.ScatterTrace;

import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;

class PlotlyJsonTest {

    private final Table table = Table.create(
            StringColumn.create("size", "3.3m", "3.3m", "6.7m", "6.7m"),
            DoubleColumn.create("tokens", 1e6, 2e6, 1e6, 2e6),
            DoubleColumn.create("loss", 6.5, Double.NaN, 6.25, 5.5));

    @Test
    void linesBecomeNumbersAndAMissingValueNull() {
        JsonNode json = strict(LinePlot.create("loss", table, "tokens", "loss", "size"));
        assertEquals(2, json.at("/data").size());
        assertEquals(List.of(1e6, 2e6), numbers(json.at("/data/0/x")));
        assertEquals(6.5, json.at("/data/0/y/0").doubleValue());
        assertTrue(json.at("/data/0/y/1").isNull());
        assertEquals("lines", json.at("/data/0/mode").asText());
        assertEquals("tokens", json.at("/layout/xaxis/title/text").asText());
    }

    @Test
    void everyKindOfPlotThatTablesawOffersHasData() {
        List<Figure> figures = List.of(
                ScatterPlot.create("scatter", table, "tokens", "loss"),
                Histogram.create("histogram", table, "tokens"),
                HorizontalBarPlot.create("bars", table, "size", "loss"),
                BoxPlot.create("boxes", table, "size", "tokens"),
                Heatmap.create("heat", table, "size", "size"),
                PiePlot.create("pie", table, "size", "tokens"));
        for (Figure figure : figures) {
            JsonNode trace = strict(figure).at("/data/0");
            assertTrue(trace.has("x") || trace.has("y") || trace.has("values"), trace.toString());
        }
    }

    @Test
    void textIsExactlyWhatWasGiven() {
        String text = "it's \"5 < 6\" & C:\\new – größer\nsecond &amp; line";
        Figure figure = new Figure(
                Layout.builder(text, text, text).build(),
                BarTrace.builder(new Object[] {text, "b"}, new double[] {1, 2}).name(text).build());
        JsonNode json = strict(figure);
        assertEquals(text, json.at("/layout/title/text").asText());
        assertEquals(text, json.at("/layout/xaxis/title/text").asText());
        assertEquals(text, json.at("/data/0/name").asText());
        assertEquals(text, json.at("/data/0/x/0").asText());
    }

    @Test
    void categoriesStayTextAndSettingsStayAsTheyAre() {
        Figure figure = new Figure(
                Layout.builder().title("2024").titleFont(Font.builder().size(20).build())
                        .yAxis(Axis.builder().type(Axis.Type.LOG).title("y").build()).build(),
                BarTrace.builder(new Object[] {"3.3m", "15"}, new double[] {1, 2})
                        .marker(Marker.builder().color("red").build()).build());
        JsonNode json = strict(figure);
        assertEquals("3.3m", json.at("/data/0/x/0").textValue());
        assertEquals("15", json.at("/data/0/x/1").textValue());
        assertEquals("red", json.at("/data/0/marker/color").textValue());
        assertEquals("2024", json.at("/layout/title/text").textValue());
        assertEquals(20, json.at("/layout/title/font/size").intValue());
        assertEquals("log", json.at("/layout/yaxis/type").textValue());
    }

    @Test
    void aFigureTakesTheThemeBehindItAndLeavesRoomForItsLabels() {
        JsonNode layout = strict(new Figure(ScatterTrace.builder(new double[] {1}, new double[] {2})
                .line(Line.builder().color("blue").build()).build())).at("/layout");
        assertEquals("rgba(0,0,0,0)", layout.at("/paper_bgcolor").asText());
        assertTrue(layout.at("/xaxis/automargin").asBoolean());
        assertFalse(layout.at("/font/color").isMissingNode());
    }

    @Test
    void whatASecondAxisSetsStandsOverTheTheme() {
        JsonNode axis = strict(new Figure(
                Layout.builder().yAxis2(Axis.builder().title("right").gridColor("pink").build()).build(),
                ScatterTrace.builder(new double[] {1}, new double[] {2}).yAxis(ScatterTrace.YAxis.Y2).build()))
                .at("/layout/yaxis2");
        assertEquals("right", axis.at("/title/text").textValue());
        assertEquals("pink", axis.at("/gridcolor").textValue());
        assertEquals("rgba(128,128,128,0.3)", axis.at("/zerolinecolor").textValue());
    }

    @Test
    void longDataDoesNotExhaustTheStack() {
        Object[] categories = new Object[200_000];
        Arrays.fill(categories, "a \"quoted\" \\ category");
        JsonNode json = strict(new Figure(BarTrace.builder(categories, new double[categories.length]).build()));
        assertEquals(categories[0], json.at("/data/0/x/199999").asText());
    }

    /** Written and read by a mapper without any leniency: what a browser would be sent. */
    private static JsonNode strict(Figure figure) {
        try {
            ObjectMapper mapper = new ObjectMapper();
            Object sent = PlotlyJson.bundle(figure).forms().get(PlotlyJson.MIME_TYPE);
            return mapper.readTree(mapper.writeValueAsString(sent));
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    private static List<Double> numbers(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false).map(JsonNode::doubleValue).toList();
    }
}
