package gerbil.base;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the JSON files of others, of which only the size is sure before they are read. */
public final class JsonFile {

    private static final int DEEPEST = 1_000;
    static final long LARGEST = 1 << 24;
    private static final JsonMapper JSON = JsonMapper.builder(Json.others(DEEPEST))
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private JsonFile() {
    }

    /**
     * @throws GerbilException if it is not one JSON object of at most 16 MB, nested at most a thousand deep
     */
    public static JsonNode object(Path file) throws IOException {
        try {
            return object(Files.readAllBytes(Folders.requireFile(file, LARGEST)), file);
        } catch (JsonProcessingException e) {
            throw refused(file, "something that is not JSON (" + e.getOriginalMessage() + ")");
        }
    }

    private static JsonNode object(byte[] text, Path file) throws IOException {
        JsonNode node = JSON.readTree(text);
        if (!node.isObject()) {
            throw refused(file, "JSON of type " + node.getNodeType());
        }
        return node;
    }

    /** The JSON that this kit makes itself. */
    public static JsonNode own(String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static GerbilException refused(Path file, String found) {
        return new GerbilException(file + " with " + found, "one JSON object",
                "take a whole copy of the folder");
    }
}
