package gerbil.base;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Records as JSON files: one mapper, and writing that leaves either the old file or the new one. And how the JSON of
 * others is parsed.
 */
public final class Json {

    private static final ObjectMapper MAPPER =
            new ObjectMapper().setDefaultPropertyInclusion(JsonInclude.Include.NON_NULL);

    /** Deeper nesting would take tens of megabytes to skip. */
    private static final int DEEPEST = 100_000;

    private Json() {
    }

    /**
     * What the JSON of others is parsed with, of which some fields are read: the rest may hold what Python writes and
     * other parsers refuse or limit, NaN, Infinity, long numbers, names and texts, deep nesting.
     */
    public static JsonFactory others() {
        return new JsonFactoryBuilder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
                .streamReadConstraints(StreamReadConstraints.builder().maxNumberLength(Integer.MAX_VALUE)
                        .maxStringLength(Integer.MAX_VALUE).maxNameLength(Integer.MAX_VALUE)
                        .maxNestingDepth(DEEPEST).build()).build();
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
            return MAPPER.readValue(text, type);
        } catch (JsonProcessingException e) {
            throw new GerbilException(where + " is not readable (" + e.getOriginalMessage() + ")",
                    "JSON of a " + type.getSimpleName(), "remove it and run the step that wrote it again", e);
        }
    }

    /**
     * @throws IOException if the file is missing or cannot be read
     * @throws GerbilException if it is not JSON of that type
     */
    public static <T> T read(Path file, Class<T> type) throws IOException {
        return parse(Files.readString(file), type, file.toString());
    }

    /**
     * Writes the file indented, in one step.
     *
     * @throws IOException if the disk is full or not writable; then the file is as it was
     */
    public static void write(Path file, Object value) throws IOException {
        WholeFile.write(file, MAPPER.writer(SerializationFeature.INDENT_OUTPUT).writeValueAsString(value) + "\n");
    }

    /** SHA-256 of a value's JSON, in hexadecimal: equal for equal records. */
    public static String sha256(Object value) {
        try {
            byte[] bytes = MAPPER.writeValueAsBytes(value);
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
