package gerbil.safetensors;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import gerbil.base.GerbilException;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Reads a file's JSON header as a stream, so that even one of 100 MB of nonsense takes little more memory than its
 * bytes.
 */
final class Header {

    static final String METADATA = "__metadata__";

    /** More dimensions than PyTorch knows; it keeps a hostile shape from becoming a long list. */
    private static final int MOST_DIMENSIONS = 64;
    private static final int MOST_ENTRIES = 100_000;
    private static final int SHOWN = 60;
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private final Path file;
    private final JsonParser json;

    private Header(Path file, JsonParser json) {
        this.file = file;
        this.json = json;
    }

    /**
     * The tensors in the order of their bytes.
     *
     * @param dataSize bytes of the file after the header
     * @throws GerbilException if the header breaks a rule of the format
     */
    static List<TensorInfo> parse(Path file, byte[] bytes, long dataSize) throws IOException {
        if (bytes[0] != '{') {
            throw broken(file, "a header that starts with byte " + bytes[0], "'{'");
        }
        List<TensorInfo> tensors;
        try (Reader text = new InputStreamReader(new ByteArrayInputStream(bytes),
                StandardCharsets.UTF_8.newDecoder()); JsonParser json = JSON.createParser(text)) {
            tensors = new Header(file, json).tensors();
        } catch (JsonProcessingException e) {
            throw broken(file, "a header that is not JSON (" + e.getOriginalMessage() + ")", "one JSON object");
        } catch (CharacterCodingException e) {
            throw broken(file, "a header that is not UTF-8", "one JSON object");
        }
        requireContiguous(file, tensors, dataSize);
        return tensors;
    }

    private static void requireContiguous(Path file, List<TensorInfo> tensors, long dataSize) {
        tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
        long expected = 0;
        for (TensorInfo tensor : tensors) {
            if (tensor.begin() != expected) {
                throw broken(file, tensor.name() + " beginning at byte " + tensor.begin(), "byte " + expected
                        + ", where the tensor before it ends");
            }
            expected = tensor.end();
        }
        if (expected != dataSize) {
            throw broken(file, dataSize + " bytes of tensors", expected + ", where the last tensor ends");
        }
    }

    private List<TensorInfo> tensors() throws IOException {
        List<TensorInfo> tensors = new ArrayList<>();
        json.nextToken();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            json.nextToken();
            if (name.equals(METADATA)) {
                skipMetadata();
            } else if (tensors.size() < MOST_ENTRIES) {
                tensors.add(tensor(name));
            } else {
                throw broken(file, "more than " + MOST_ENTRIES + " tensors", "a model's weights");
            }
        }
        if (json.nextToken() != null) {
            throw broken(file, "a header that goes on after its object", "one JSON object");
        }
        return tensors;
    }

    private void skipMetadata() throws IOException {
        boolean strings = json.currentToken() == JsonToken.START_OBJECT;
        for (int n = 0; strings && json.nextToken() == JsonToken.FIELD_NAME; n++) {
            strings = json.nextToken() == JsonToken.VALUE_STRING && n < MOST_ENTRIES;
        }
        if (!strings) {
            throw broken(file, "a header with " + METADATA + " that holds " + shown(), "an object of at most "
                    + MOST_ENTRIES + " strings");
        }
    }

    private TensorInfo tensor(String name) throws IOException {
        DataType type = null;
        long[] shape = null;
        long[] offsets = null;
        if (json.currentToken() != JsonToken.START_OBJECT) {
            throw broken(file, "a header with " + name + ": " + shown(), "dtype, shape and two data_offsets");
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String field = json.currentName();
            json.nextToken();
            switch (field) {
                case "dtype" -> type = type(name);
                case "shape" -> shape = numbers(name, "a shape", MOST_DIMENSIONS);
                case "data_offsets" -> offsets = numbers(name, "data_offsets", 2);
                default -> throw broken(file, name + " with a " + shown(field), "dtype, shape and data_offsets");
            }
        }
        if (type == null || shape == null || offsets == null || offsets.length != 2) {
            throw broken(file, name + " without a dtype, a shape or two data_offsets", "all three");
        }
        TensorInfo tensor = new TensorInfo(name, type, new Shape(shape), offsets[0], offsets[1]);
        if (tensor.end() - tensor.begin() != TensorInfo.bytes(type, tensor.shape())) {
            throw broken(file, name + " of shape " + tensor.shape() + " and type " + type + " in bytes "
                    + Arrays.toString(offsets), "a span of shape times type, of less than 1 GB");
        }
        return tensor;
    }

    private DataType type(String name) throws IOException {
        for (DataType type : SafeTensors.READ) {
            if (json.currentToken() == JsonToken.VALUE_STRING && type.asSafetensors().equals(json.getText())) {
                return type;
            }
        }
        throw broken(file, name + " of type " + shown(), "one of " + SafeTensors.READ);
    }

    private long[] numbers(String name, String what, int most) throws IOException {
        long[] numbers = new long[most];
        int count = 0;
        boolean whole = json.currentToken() == JsonToken.START_ARRAY;
        while (whole && json.nextToken() != JsonToken.END_ARRAY) {
            whole = count < most && json.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && json.getNumberType() != JsonParser.NumberType.BIG_INTEGER && json.getLongValue() >= 0;
            if (whole) {
                numbers[count++] = json.getLongValue();
            }
        }
        if (!whole) {
            throw broken(file, name + " with " + what + " of " + shown(), "at most " + most
                    + " whole numbers of at least 0");
        }
        return Arrays.copyOf(numbers, count);
    }

    /** The current token, short enough for a message. */
    private String shown() throws IOException {
        return shown(json.getText());
    }

    private static String shown(String text) {
        return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
    }

    static GerbilException broken(Path file, String found, String expected) {
        return new GerbilException(file + " has " + found, expected,
                "take a whole copy of the file; this one is truncated or not safetensors");
    }
}
