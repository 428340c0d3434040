package gerbil.notebook;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.traces.Trace;

import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A tablesaw figure as the JSON that JupyterLab's Plotly extension draws without a network. A figure gives out its
 * traces and its layout, but these give out what is in them only as JavaScript for a page that loads Plotly from the
 * web. So their object literals are read here, leniently, and brought up to date.
 */
final class PlotlyJson {

    static final String MIME_TYPE = "application/vnd.plotly.v1+json";

    /** The text is readable on white and on black alike: about 4:1 to either. */
    private static final String LAYOUT_THEME = "{paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', "
            + "font: {color: '#7a7a7a'}, xaxis: {}, yaxis: {}}";
    private static final String AXIS_THEME = "{automargin: true, gridcolor: 'rgba(128,128,128,0.3)', "
            + "zerolinecolor: 'rgba(128,128,128,0.3)'}";

    private static final Set<String> DATA = Set.of("x", "y", "z", "open", "high", "low", "close", "values");
    private static final Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");
    private static final Set<String> MISSING = Set.of("null", "NaN", "Infinity", "-Infinity");

    /**
     * Told apart here and not by Jackson, for which ' and " are the same: what is in " is JSON, but in ' it is HTML,
     * where \ is itself and ' cannot occur.
     */
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
        for (Trace trace : figure.getTraces()) {
            data.add(trace(literal(trace.asJavascript(data.size()))));
        }
        return json.set("layout", layout(figure.getLayout() == null ? LENIENT.createObjectNode()
                : literal(figure.getLayout().asJavascript())));
    }

    /** Reads an object literal, alone or in {@code var name = {...};}. */
    private static ObjectNode literal(String javascript) {
        String json = STRING.matcher(javascript.substring(javascript.indexOf('{'))).replaceAll(string ->
                Matcher.quoteReplacement(string.group(1) == null ? string.group()
                        : TextNode.valueOf(Html.unescape(string.group(1))).toString()));
        try {
            return (ObjectNode) LENIENT.readTree(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("tablesaw wrote a figure in a way not known here: " + json, e);
        }
    }

    private static ObjectNode trace(ObjectNode trace) {
        trace.properties().stream().filter(field -> DATA.contains(field.getKey()))
                .forEach(field -> field.setValue(numbers(field.getValue())));
        return trace;
    }

    /** Tablesaw writes numbers as strings, and a missing one as NaN or null, neither of which is JSON's null. */
    private static JsonNode numbers(JsonNode values) {
        ArrayNode numbers = LENIENT.createArrayNode();
        for (JsonNode value : values) {
            if (value.isArray()) {
                numbers.add(numbers(value));
            } else if (MISSING.contains(value.asText())) {
                numbers.addNull();
            } else if (NUMBER.matcher(value.asText()).matches()) {
                numbers.add(value.asDouble());
            } else {
                return values;
            }
        }
        return numbers;
    }

    private static ObjectNode layout(ObjectNode own) {
        ObjectNode layout = themed(LAYOUT_THEME, own);
        if (layout.get("title") instanceof ObjectNode title) {
            // to the left: the toolbar covers the right when the pointer is there
            title.put("x", 0).put("xref", "paper").put("xanchor", "left");
        }
        layout.properties().stream().filter(field -> field.getKey().contains("axis"))
                .forEach(axis -> axis.setValue(themed(AXIS_THEME, (ObjectNode) axis.getValue())));
        return layout;
    }

    /** What is set, over the theme. Plotly 3 reads a title only as an object, with its font inside. */
    private static ObjectNode themed(String theme, ObjectNode own) {
        ObjectNode themed = literal(theme).setAll(own);
        JsonNode text = themed.remove("title");
        JsonNode font = themed.remove("titlefont");
        if (text != null) {
            ObjectNode title = themed.putObject("title").set("text", text);
            if (font != null) {
                title.set("font", font);
            }
        }
        return themed;
    }
}
