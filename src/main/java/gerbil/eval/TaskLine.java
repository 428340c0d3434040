package gerbil.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Unchecked;
import gerbil.base.Utf8;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.StreamSupport;

/** One item of a dataset's jsonl file, whose complaints name the line. */
final class TaskLine {

    private static final ObjectMapper JSON =
            new ObjectMapper(Json.others(Json.DEEPEST)).enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

    private final Path file;
    private final int number;
    private final JsonNode item;

    private TaskLine(Path file, int number, JsonNode item) {
        this.file = file;
        this.number = number;
        this.item = item;
    }

    /**
     * The first items of a file; blank lines count for nothing.
     *
     * @throws GerbilException if there is no such file, no text or no item in it, or a line that is not a JSON object
     */
    static List<TaskLine> read(Path file, int limit) {
        if (!Files.isRegularFile(file)) {
            throw new GerbilException("no file " + file, "a dataset's jsonl file", "check the path");
        }
        List<TaskLine> lines = new ArrayList<>();
        String[] texts = text(file).split("\n");
        for (int i = 0; i < texts.length && lines.size() < limit; i++) {
            if (!texts[i].isBlank()) {
                lines.add(parse(file, i + 1, texts[i]));
            }
        }
        if (lines.isEmpty()) {
            throw new GerbilException(file + " without an item", "a JSON object a line", "check the file");
        }
        return lines;
    }

    /** A whole file. */
    static String text(Path file) {
        return Unchecked.io(() -> Utf8.read(file));
    }

    private static TaskLine parse(Path file, int number, String text) {
        try {
            TaskLine line = new TaskLine(file, number, JSON.readTree(text));
            if (!line.item.isObject()) {
                throw line.wrong("a " + line.item.getNodeType(), "a JSON object");
            }
            return line;
        } catch (JsonProcessingException e) {
            throw new GerbilException("line " + number + " of " + file + " is not JSON (" + e.getOriginalMessage()
                    + ")",
                    "a JSON object a line", "mend or remove the line", e);
        }
    }

    /** The items' file. */
    Path file() {
        return file;
    }

    boolean has(String field) {
        return item.hasNonNull(field);
    }

    String text(String field) {
        if (!item.path(field).isTextual()) {
            throw wrong(field + " " + item.path(field), "a text");
        }
        return item.path(field).textValue();
    }

    List<String> texts(String field) {
        JsonNode array = item.path(field);
        List<String> texts = StreamSupport.stream(array.spliterator(), false).filter(JsonNode::isTextual)
                .map(JsonNode::textValue).toList();
        if (!array.isArray() || texts.isEmpty() || texts.size() < array.size()) {
            throw wrong(field + " " + array, "an array of texts");
        }
        return texts;
    }

    /** A whole number, as such or in quotes, from a set. */
    int label(String field, Set<Integer> allowed) {
        return label(item.path(field).asText(), field, allowed);
    }

    int label(String found, String field, Set<Integer> allowed) {
        return allowed.stream().filter(label -> String.valueOf(label).equals(found.strip())).findFirst()
                .orElseThrow(() -> wrong(field + " '" + found + "'", "one of " + allowed.stream().sorted().toList()));
    }

    GerbilException wrong(String found, String expected) {
        return new GerbilException(found + " in line " + number + " of " + file, expected,
                "take the split of the dataset that has its answers, in the dataset's own format");
    }
}
