package gerbil.safetensors;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import gerbil.spec.GerbilException;

import java.io.FileOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Reads and writes safetensors files by the format's own rules: eight bytes of header length (little-endian), a JSON
 * header of at most 100 MB that starts with an opening brace, then the tensors' bytes without holes or overlaps up to
 * the file's end.
 */
public final class SafeTensors {

    private static final long LARGEST_HEADER = 100_000_000;
    private static final int PIECE = 1 << 20;
    private static final String METADATA = "__metadata__";
    private static final ObjectMapper JSON =
            new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
    private static final Set<DataType> WRITTEN = Set.of(DataType.FLOAT32, DataType.FLOAT16, DataType.FLOAT64,
            DataType.INT64, DataType.INT32, DataType.UINT8, DataType.INT8, DataType.BOOLEAN);
    private static final List<DataType> READ =
            Stream.concat(WRITTEN.stream(), Stream.of(DataType.BFLOAT16)).sorted().toList();

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
            if (!WRITTEN.contains(array.getDataType())) {
                throw new GerbilException(tensor.getKey() + " of type " + array.getDataType(), "one of " + WRITTEN,
                        "convert it before it is written");
            }
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
        try {
            // not a channel: an interrupt, which asks a trainer for a checkpoint, would close it
            try (FileOutputStream out = new FileOutputStream(temporary.toFile())) {
                write(out, head.flip());
                for (NDArray array : tensors.values()) {
                    write(out, array.toByteBuffer());
                }
                out.getFD().sync();
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static void write(FileOutputStream out, ByteBuffer buffer) throws IOException {
        byte[] piece = new byte[Math.min(buffer.remaining(), PIECE)];
        while (buffer.hasRemaining()) {
            int count = Math.min(buffer.remaining(), PIECE);
            buffer.get(piece, 0, count);
            out.write(piece, 0, count);
        }
    }

    /**
     * All tensors of a file, by name in the order of their bytes, on the manager's device; bfloat16 as float32.
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
                tensors.put(entry.name, array(manager, entry, data.order(ByteOrder.LITTLE_ENDIAN)));
            }
            return tensors;
        }
    }

    /** DJL's PyTorch engine dies of bfloat16 arrays; float32 holds the same numbers, their bits in its upper half. */
    private static NDArray array(NDManager manager, Entry entry, ByteBuffer data) {
        if (entry.type != DataType.BFLOAT16) {
            return manager.create(data, entry.shape, entry.type);
        }
        ByteBuffer wide = ByteBuffer.allocateDirect(2 * data.remaining()).order(ByteOrder.nativeOrder());
        while (data.hasRemaining()) {
            wide.putInt(data.getShort() << Short.SIZE);
        }
        return manager.create(wide.flip(), entry.shape, DataType.FLOAT32);
    }

    private static List<Entry> header(Path file, ByteBuffer bytes, long dataSize) {
        if (bytes.get(0) != '{') {
            throw broken(file, "a header that starts with byte " + bytes.get(0), "'{'");
        }
        List<Entry> entries = new ArrayList<>();
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
            for (Map.Entry<String, JsonNode> field : JSON.readTree(text).properties()) {
                if (!field.getKey().equals(METADATA)) {
                    entries.add(entry(file, field.getKey(), field.getValue()));
                }
            }
        } catch (JsonProcessingException e) {
            throw broken(file, "a header that is not JSON (" + e.getOriginalMessage() + ")", "one JSON object");
        } catch (CharacterCodingException e) {
            throw broken(file, "a header that is not UTF-8", "one JSON object");
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
        DataType type = READ.stream().filter(t -> t.asSafetensors().equals(node.path("dtype").asText()))
                .findFirst()
                .orElseThrow(() -> broken(file, name + " of type " + node.path("dtype"), "one of " + READ));
        if (!offsets.isArray() || offsets.size() != 2 || !dimensions.isArray()) {
            throw broken(file, name + " described by " + node, "dtype, shape and two data_offsets");
        }
        long[] shape = new long[dimensions.size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = count(dimensions.get(i));
            if (shape[i] < 0) {
                throw broken(file, name + " of shape " + dimensions, "whole dimensions of at least 0");
            }
        }
        Entry entry = new Entry(name, type, new Shape(shape), count(offsets.get(0)), count(offsets.get(1)));
        if (entry.begin < 0 || entry.end < 0 || entry.end - entry.begin != bytes(type, entry.shape)) {
            throw broken(file, name + " of shape " + dimensions + " and type " + type + " in bytes " + offsets,
                    "a span of shape times type, of less than 1 GB");
        }
        return entry;
    }

    /** A whole number of at least 0, or -1 for anything else. */
    private static long count(JsonNode node) {
        return node.canConvertToLong() && node.isIntegralNumber() ? Math.max(node.longValue(), -1) : -1;
    }

    /** Bytes of a tensor, or -1 if they are more than a buffer of float32 could hold. */
    private static long bytes(DataType type, Shape shape) {
        BigInteger bytes = BigInteger.valueOf(type.getNumOfBytes());
        BigInteger strides = bytes;
        for (long dimension : shape.getShape()) {
            bytes = bytes.multiply(BigInteger.valueOf(dimension));
            strides = strides.multiply(BigInteger.valueOf(Math.max(1, dimension)));
        }
        return strides.bitLength() < Integer.SIZE - 1 ? bytes.longValue() : -1;
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
