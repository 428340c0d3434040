package gerbil.notebook;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.traces.Trace;

import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;

/**
 * A tablesaw figure as the JSON that JupyterLab's Plotly extension draws without a network. Tablesaw itself only writes
 * JavaScript for a page that loads Plotly from the web, so its object literals are read here and brought up to date.
 */
final class PlotlyJson {

    static final String MIME_TYPE = "application/vnd.plotly.v1+json";

    /** Readable on white and on black alike: about 4:1 to either. */
    private static final String TEXT_COLOR = "#7a7a7a";
    private static final String GRID_COLOR = "rgba(128,128,128,0.3)";
    private static final String TRANSPARENT = "rgba(0,0,0,0)";

    private static final Set<String> DATA = Set.of("x", "y", "z", "open", "high", "low", "close", "values");
    private static final Pattern AXIS = Pattern.compile("[xyz]axis\\d*");
    /** A double-quoted string is JSON already; a single-quoted one holds HTML, in which ' cannot occur. */
    private static final Pattern STRING = Pattern.compile("\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\"|'([^']*+)'");

    private static final ObjectMapper LENIENT = JsonMapper.builder()
            .enable(JsonReadFeature.ALLOW_UNQUOTED_FIELD_NAMES)
            .enable(JsonReadFeature.ALLOW_TRAILING_COMMA)
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    private PlotlyJson() {
    }

    static MimeBundle bundle(Figure figure) {
        ObjectNode json = of(figure);
        return MimeBundle.of(MIME_TYPE, LENIENT.convertValue(json, Map.class),
                "[figure] " + json.at("/layout/title/text").asText());
    }

    static ObjectNode of(Figure figure) {
        ObjectNode json = LENIENT.createObjectNode();
        ArrayNode data = json.putArray("data");
        Trace[] traces = figure.getTraces();
        for (int i = 0; i < traces.length; i++) {
            data.add(trace(literal(traces[i].asJavascript(i))));
        }
        json.set("layout", layout(Optional.ofNullable(figure.getLayout())
                .map(layout -> literal(layout.asJavascript())).orElseGet(LENIENT::createObjectNode)));
        return json;
    }

    /** Reads the object literal in {@code var name = {...};}. */
    private static ObjectNode literal(String javascript) {
        String json = STRING.matcher(javascript.substring(javascript.indexOf('{'))).replaceAll(
                string -> Matcher.quoteReplacement(string.group(1) == null ? string.group() : quote(string.group(1))));
        try {
            return (ObjectNode) LENIENT.readTree(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("tablesaw wrote a figure in a way not known here: " + json, e);
        }
    }

    private static String quote(String html) {
        return '"' + String.valueOf(JsonStringEncoder.getInstance().quoteAsString(Html.unescape(html))) + '"';
    }

    private static ObjectNode trace(ObjectNode trace) {
        trace.properties().forEach(field -> {
            if (DATA.contains(field.getKey()) && field.getValue() instanceof ArrayNode values) {
                field.setValue(numbers(values));
            }
        });
        return trace;
    }

    /** Tablesaw writes numbers as strings, and a missing one as NaN or null, neither of which is JSON's null. */
    private static ArrayNode numbers(ArrayNode values) {
        boolean numeric = StreamSupport.stream(values.spliterator(), false)
                .allMatch(value -> isMissing(value) || value.isArray() || value.isNumber() || isNumber(value.asText()));
        if (!numeric) {
            return values;
        }
        ArrayNode numbers = LENIENT.createArrayNode();
        for (JsonNode value : values) {
            if (value instanceof ArrayNode row) {
                numbers.add(numbers(row));
            } else if (isMissing(value)) {
                numbers.addNull();
            } else {
                numbers.add(value.asDouble());
            }
        }
        return numbers;
    }

    private static boolean isMissing(JsonNode value) {
        return Set.of("null", "NaN", "Infinity", "-Infinity").contains(value.asText());
    }

    private static boolean isNumber(String text) {
        return text.matches("-?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");
    }

    private static ObjectNode layout(ObjectNode layout) {
        title(layout);
        putIfAbsent(layout, "paper_bgcolor", TRANSPARENT);
        putIfAbsent(layout, "plot_bgcolor", TRANSPARENT);
        putIfAbsent(layout.withObjectProperty("font"), "color", TEXT_COLOR);
        layout.withObjectProperty("xaxis");
        layout.withObjectProperty("yaxis");
        layout.properties().forEach(field -> {
            if (AXIS.matcher(field.getKey()).matches()) {
                ObjectNode axis = (ObjectNode) field.getValue();
                title(axis);
                axis.put("automargin", true);
                putIfAbsent(axis, "gridcolor", GRID_COLOR);
                putIfAbsent(axis, "zerolinecolor", GRID_COLOR);
            }
        });
        return layout;
    }

    /** Plotly 3 reads a title only as an object, with its font inside. */
    private static void title(ObjectNode node) {
        JsonNode text = node.remove("title");
        JsonNode font = node.remove("titlefont");
        if (text != null) {
            ObjectNode title = node.putObject("title").set("text", text);
            if (font != null) {
                title.set("font", font);
            }
        }
    }

    private static void putIfAbsent(ObjectNode node, String field, String value) {
        if (!node.has(field)) {
            node.put(field, value);
        }
    }
}
