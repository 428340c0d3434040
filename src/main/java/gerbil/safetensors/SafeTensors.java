package gerbil.safetensors;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import gerbil.spec.GerbilException;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads and writes safetensors files by the format's own rules: eight bytes of header length (little-endian), a JSON
 * header of at most 100 MB that starts with an opening brace, then the tensors' bytes without holes or overlaps up to
 * the file's end.
 */
public final class SafeTensors {

    private static final long LARGEST_HEADER = 100_000_000;
    private static final String METADATA = "__metadata__";
    private static final ObjectMapper JSON =
            new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
    private static final Set<DataType> TYPES = Set.of(DataType.FLOAT32, DataType.FLOAT16, DataType.BFLOAT16,
            DataType.FLOAT64, DataType.INT64, DataType.INT32, DataType.UINT8, DataType.INT8);

    private SafeTensors() {
    }

    private record Entry(String name, DataType type, Shape shape, long begin, long end) {
    }

    /**
     * Writes tensors to a temporary neighbour of the file and renames it.
     *
     * @throws IOException if the disk is full or not writable; then the file is as it was
     */
    public static void write(Path file, Map<String, NDArray> tensors) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        long offset = 0;
        for (Map.Entry<String, NDArray> tensor : tensors.entrySet()) {
            NDArray array = tensor.getValue();
            long end = offset + bytes(array.getDataType(), array.getShape());
            ObjectNode entry = header.putObject(tensor.getKey());
            entry.put("dtype", array.getDataType().asSafetensors());
            var shape = entry.putArray("shape");
            for (long dimension : array.getShape().getShape()) {
                shape.add(dimension);
            }
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        byte[] json = JSON.writeValueAsBytes(header);
        int padded = (json.length + 7) / 8 * 8;
        ByteBuffer head = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(json);
        while (head.hasRemaining()) {
            head.put((byte) ' ');
        }
        Path temporary = file.resolveSibling(file.getFileName() + ".tmp");
        try (FileChannel out = FileChannel.open(temporary, StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            writeFully(out, head.flip());
            for (NDArray array : tensors.values()) {
                writeFully(out, array.toByteBuffer());
            }
            out.force(true);
        } catch (IOException e) {
            Files.deleteIfExists(temporary);
            throw e;
        }
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static void writeFully(FileChannel out, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            out.write(buffer);
        }
    }

    /**
     * All tensors of a file, by name in the order of their bytes, on the manager's device.
     *
     * @throws IOException if the file cannot be read
     * @throws GerbilException if it breaks a rule of the format, naming the rule; before tensors are read
     */
    public static Map<String, NDArray> read(Path file, NDManager manager) throws IOException {
        try (FileChannel in = FileChannel.open(file)) {
            long size = in.size();
            ByteBuffer length = read(in, file, 0, Math.min(8, size)).order(ByteOrder.LITTLE_ENDIAN);
            if (size < 8) {
                throw broken(file, size + " bytes", "at least the 8 bytes of the header's length");
            }
            long headerLength = length.getLong();
            if (headerLength < 2 || headerLength > Math.min(LARGEST_HEADER, size - 8)) {
                throw broken(file, "a header of " + headerLength + " bytes in a file of " + size,
                        "a header inside the file and of at most " + LARGEST_HEADER + " bytes");
            }
            long start = 8 + headerLength;
            List<Entry> entries = header(file, read(in, file, 8, headerLength), size - start);
            Map<String, NDArray> tensors = new LinkedHashMap<>();
            for (Entry entry : entries) {
                ByteBuffer data = read(in, file, start + entry.begin, entry.end - entry.begin);
                tensors.put(entry.name, manager.create(data.order(ByteOrder.LITTLE_ENDIAN), entry.shape, entry.type));
            }
            return tensors;
        }
    }

    private static List<Entry> header(Path file, ByteBuffer bytes, long dataSize) {
        String text = StandardCharsets.UTF_8.decode(bytes).toString();
        if (!text.startsWith("{")) {
            throw broken(file, "a header that starts with '" + text.charAt(0) + "'", "'{'");
        }
        List<Entry> entries = new ArrayList<>();
        try {
            for (Map.Entry<String, JsonNode> field : JSON.readTree(text).properties()) {
                if (!field.getKey().equals(METADATA)) {
                    entries.add(entry(file, field.getKey(), field.getValue()));
                }
            }
        } catch (JsonProcessingException e) {
            throw broken(file, "a header that is not JSON (" + e.getOriginalMessage() + ")", "one JSON object");
        }
        entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long expected = 0;
        for (Entry entry : entries) {
            if (entry.begin != expected) {
                throw broken(file, entry.name + " beginning at byte " + entry.begin, "byte " + expected
                        + ", where the tensor before it ends");
            }
            expected = entry.end;
        }
        if (expected != dataSize) {
            throw broken(file, dataSize + " bytes of tensors", expected + ", where the last tensor ends");
        }
        return entries;
    }

    private static Entry entry(Path file, String name, JsonNode node) {
        JsonNode offsets = node.path("data_offsets");
        JsonNode dimensions = node.path("shape");
        DataType type = TYPES.stream().filter(t -> t.asSafetensors().equals(node.path("dtype").asText()))
                .findFirst()
                .orElseThrow(() -> broken(file, name + " of type " + node.path("dtype"), "one of " + TYPES));
        if (!offsets.isArray() || offsets.size() != 2 || !dimensions.isArray()) {
            throw broken(file, name + " described by " + node, "dtype, shape and two data_offsets");
        }
        long[] shape = new long[dimensions.size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = dimensions.get(i).asLong(-1);
            if (shape[i] < 0) {
                throw broken(file, name + " of shape " + dimensions, "dimensions of at least 0");
            }
        }
        Entry entry = new Entry(name, type, new Shape(shape), offsets.get(0).asLong(-1), offsets.get(1).asLong(-1));
        if (entry.begin < 0 || entry.end - entry.begin != bytes(type, entry.shape)) {
            throw broken(file, name + " of shape " + entry.shape + " and type " + type + " in bytes " + entry.begin
                    + " to " + entry.end, "a span of shape times type");
        }
        return entry;
    }

    private static long bytes(DataType type, Shape shape) {
        BigInteger bytes = BigInteger.valueOf(type.getNumOfBytes());
        for (long dimension : shape.getShape()) {
            bytes = bytes.multiply(BigInteger.valueOf(dimension));
        }
        return bytes.bitLength() < Long.SIZE ? bytes.longValue() : Long.MAX_VALUE;
    }

    private static ByteBuffer read(FileChannel in, Path file, long position, long count) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(Math.toIntExact(count));
        while (buffer.hasRemaining()) {
            if (in.read(buffer, position + buffer.position()) < 0) {
                throw broken(file, "an end at byte " + (position + buffer.position()), "byte " + (position + count));
            }
        }
        return buffer.flip();
    }

    private static GerbilException broken(Path file, String found, String expected) {
        return new GerbilException(file + " has " + found, expected,
                "take a whole copy of the file; this one is truncated or not safetensors");
    }
}
