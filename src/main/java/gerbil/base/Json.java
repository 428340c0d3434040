package gerbil.base;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/**
 * Records as JSON files: one mapper, and writing that leaves either the old file or the new one. And how the JSON of
 * others is parsed.
 */
public final class Json {

    private static final ObjectMapper MAPPER =
            new ObjectMapper().setDefaultPropertyInclusion(JsonInclude.Include.NON_NULL)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    private static final String CHECKSUM = "checksum";

    /** Deeper nesting would take tens of megabytes to skip. */
    public static final int DEEPEST = 100_000;

    private Json() {
    }

    /**
     * What the JSON of others is parsed with, of which some fields are read: the rest may hold what Python writes and
     * other parsers refuse or limit, NaN, Infinity, long numbers, names and texts, deep nesting.
     *
     * @param deepest nesting: at most {@link #DEEPEST}, or a thousand where a tree is made of it
     */
    public static JsonFactory others(int deepest) {
        return new JsonFactoryBuilder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
                .streamReadConstraints(StreamReadConstraints.builder().maxNumberLength(Integer.MAX_VALUE)
                        .maxStringLength(Integer.MAX_VALUE).maxNameLength(Integer.MAX_VALUE)
                        .maxNestingDepth(deepest).build()).build();
    }

    /** One line of JSON. */
    public static String line(Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * @throws GerbilException if the text is not JSON of that type, naming where it stands
     */
    public static <T> T parse(String text, Class<T> type, String where) {
        try {
            return required(MAPPER.readValue(text, type), type, where);
        } catch (JsonProcessingException e) {
            throw notReadable(e.getOriginalMessage(), type, where, e);
        }
    }

    private static <T> T required(T value, Class<T> type, String where) {
        if (value == null) {
            throw notReadable("there is nothing in it", type, where, null);
        }
        return value;
    }

    private static GerbilException notReadable(String why, Class<?> type, String where, Exception cause) {
        return new GerbilException(where + " is not readable (" + why + ")", "JSON of a " + type.getSimpleName(),
                "remove it and run the step that wrote it again", cause);
    }

    /**
     * @throws IOException if the file is missing or cannot be read
     * @throws GerbilException if it is larger than 16 MB, not JSON of that type, or has a checksum that is another
     *     content's
     */
    public static <T> T read(Path file, Class<T> type) throws IOException {
        return read(file, type, false);
    }

    /** As {@link #read}, of what {@link #writeChecked} wrote: without its checksum it is refused. */
    public static <T> T readChecked(Path file, Class<T> type) throws IOException {
        return read(file, type, true);
    }

    private static <T> T read(Path file, Class<T> type, boolean checked) throws IOException {
        String where = file.toString();
        try {
            JsonNode tree = MAPPER.readTree(new String(
                    Files.readAllBytes(Folders.requireFile(file, JsonFile.LARGEST)), StandardCharsets.UTF_8));
            JsonNode checksum = tree instanceof ObjectNode object ? object.remove(CHECKSUM) : null;
            if (checksum == null ? checked : !checksum.asText().equals(sha256(tree))) {
                throw new GerbilException(where + (checksum == null ? " without its checksum"
                        : " with another content than its checksum's"), "the file as it was written",
                        "restore it from a copy, or delete what it belongs to");
            }
            return required(MAPPER.treeToValue(tree, type), type, where);
        } catch (JsonProcessingException e) {
            throw notReadable(e.getOriginalMessage(), type, where, e);
        }
    }

    /**
     * Writes the file indented, in one step.
     *
     * @throws IOException if the disk is full or not writable; then the file is as it was
     */
    public static void write(Path file, Object value) throws IOException {
        WholeFile.write(file, MAPPER.writer(SerializationFeature.INDENT_OUTPUT).writeValueAsString(value) + "\n");
    }

    /** The values of a record that are not records themselves, by their paths: {@code optimizer.learningRate}. */
    public static Map<String, String> leaves(Object value) {
        Map<String, String> leaves = new LinkedHashMap<>();
        leaves(MAPPER.valueToTree(value), "", leaves);
        return leaves;
    }

    private static void leaves(JsonNode node, String path, Map<String, String> leaves) {
        if (node.isObject()) {
            node.fields().forEachRemaining(field -> leaves(field.getValue(),
                    path.isEmpty() ? field.getKey() : path + "." + field.getKey(), leaves));
        } else {
            leaves.put(path, node.asText());
        }
    }

    /**
     * The record with another value at a path of {@link #leaves}.
     *
     * @param text the value; a whole number as {@link Units#parseCount}, a choice in upper or lower case
     * @throws GerbilException if there is nothing at the path, the text is no value of its type, or the record refuses
     *     it
     */
    @SuppressWarnings("unchecked")
    public static <R extends Record> R with(R record, String path, String text) {
        JsonNode tree = MAPPER.valueToTree(record);
        JsonNode before = tree.at("/" + path.replace('.', '/'));
        String[] names = path.split("\\.");
        JsonNode parent = tree;
        for (String name : Arrays.copyOf(names, names.length - 1)) {
            parent = parent.path(name);
        }
        try {
            if (before.isIntegralNumber()) {
                ((ObjectNode) parent).put(names[names.length - 1], Units.parseCount(text));
            } else if (before.isFloatingPointNumber()) {
                ((ObjectNode) parent).put(names[names.length - 1], Double.parseDouble(text));
            } else if (before.isTextual()) {
                ((ObjectNode) parent).put(names[names.length - 1], text.toUpperCase(Locale.ROOT));
            } else {
                throw new GerbilException("no " + path + " in a " + record.getClass().getSimpleName(), "one of "
                        + leaves(record).keySet(), "name one of these");
            }
            return (R) MAPPER.treeToValue(tree, record.getClass());
        } catch (NumberFormatException e) {
            throw new GerbilException(path + " of '" + text + "'", "a number such as 0.05 or 1e-2",
                    "write it that way", e);
        } catch (JsonProcessingException e) {
            if (e.getCause() instanceof GerbilException refusal) {
                throw refusal;
            }
            throw new GerbilException(path + " of '" + text + "'", e instanceof InvalidFormatException format
                    && format.getTargetType().isEnum() ? "one of " + Arrays.toString(format.getTargetType()
                    .getEnumConstants()).toLowerCase(Locale.ROOT) : "a smaller number", "choose another", e);
        }
    }

    /** As {@link #write}, with a checksum that {@link #readChecked} compares: damage on the disk is noticed. */
    public static void writeChecked(Path file, Object value) throws IOException {
        ObjectNode tree = (ObjectNode) MAPPER.readTree(line(value));
        write(file, tree.put(CHECKSUM, sha256(tree)));
    }

    /** SHA-256 of a value's JSON, in hexadecimal: equal for equal records. */
    public static String sha256(Object value) {
        return Sha256.hex(line(value).getBytes(StandardCharsets.UTF_8));
    }

    /** The fields that two records differ in, each with both values: {@code optimizer.learningRate: 0.01 and 0.02}. */
    public static List<String> differences(Object one, Object other) {
        Map<String, String> left = leaves(one);
        Map<String, String> right = leaves(other);
        TreeSet<String> names = new TreeSet<>(left.keySet());
        names.addAll(right.keySet());
        names.removeIf(name -> left.containsKey(name) && left.get(name).equals(right.get(name)));
        return names.stream().map(name -> name + ": " + left.getOrDefault(name, "none") + " and "
                + right.getOrDefault(name, "none")).toList();
    }
}
