package gerbil.corpus;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import gerbil.base.Json;
import gerbil.base.Utf8;

import java.io.IOException;

/**
 * One line of a jsonl file: an object whose field {@code text} is the document, and whose field
 * {@code meta.pile_set_name}, where there is one, names the subset as in the original Pile.
 */
record JsonLine(String text, String subset) {

    private static final JsonFactory JSON = Json.others(Json.DEEPEST);

    /** Why a line is not a document. */
    static final class Unreadable extends Exception {

        private static final long serialVersionUID = 1;

        Unreadable(String reason) {
            super(reason, null, false, false);
        }
    }

    /**
     * @throws Unreadable if the bytes are not UTF-8, not one JSON object, or have no text; what a field holds that is
     *     not read does not matter, so long as it is seen where it ends
     */
    static JsonLine parse(byte[] bytes, int from, int length) throws Unreadable {
        if (!Utf8.isValid(bytes, from, length)) {
            throw new Unreadable("is not UTF-8");
        }
        if (bytes[from] == 0 || length > 1 && bytes[from + 1] == 0) {
            throw new Unreadable("is not UTF-8, but may be UTF-16");
        }
        String text = null;
        String subset = null;
        try (JsonParser parser = JSON.createParser(bytes, from, length)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new Unreadable("is not a JSON object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                JsonToken value = parser.nextToken();
                if (field.equals("text") && value == JsonToken.VALUE_STRING) {
                    text = parser.getText();
                } else if (field.equals("meta") && value == JsonToken.START_OBJECT) {
                    subset = subset(parser);
                } else {
                    parser.skipChildren();
                }
            }
            if (parser.nextToken() != null) {
                throw new Unreadable("has more than one JSON object");
            }
        } catch (JsonProcessingException e) {
            throw new Unreadable("is not JSON (" + e.getOriginalMessage() + ")");
        } catch (IOException e) {
            throw new Unreadable("is not JSON (" + e.getMessage() + ")");
        }
        if (text == null) {
            throw new Unreadable("has no text");
        }
        return new JsonLine(text, subset);
    }

    private static String subset(JsonParser parser) throws IOException {
        String subset = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            boolean label = parser.currentName().equals("pile_set_name");
            if (parser.nextToken() == JsonToken.VALUE_STRING && label) {
                subset = parser.getText();
            } else {
                parser.skipChildren();
            }
        }
        return subset;
    }
}
