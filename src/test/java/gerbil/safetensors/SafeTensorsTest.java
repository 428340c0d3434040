package gerbil.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.GerbilException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

class SafeTensorsTest {

    @TempDir
    private Path folder;
    private Path file;
    private NDManager manager;

    @BeforeEach
    void open() {
        file = folder.resolve("a.safetensors");
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "FLOAT16", "FLOAT64", "INT64", "INT32", "UINT8", "INT8", "BOOLEAN"})
    void everyTypeComesBackBitByBit(DataType type) throws IOException {
        byte[] bits = new byte[24 * type.getNumOfBytes()];
        new SplittableRandom(1).nextBytes(bits);
        if (type == DataType.BOOLEAN) {
            for (int i = 0; i < bits.length; i++) {
                bits[i] &= 1;
            }
        }
        ByteBuffer direct = ByteBuffer.allocateDirect(bits.length).order(ByteOrder.nativeOrder()).put(bits).flip();
        SafeTensors.write(file, Map.of("t", manager.create(direct, new Shape(2, 3, 4), type)));

        NDArray read = SafeTensors.read(file, manager).get("t");
        assertEquals(new Shape(2, 3, 4), read.getShape());
        assertEquals(type, read.getDataType());
        byte[] content = Files.readAllBytes(file);
        assertArrayEquals(bits, Arrays.copyOfRange(content, content.length - bits.length, content.length));
        assertArrayEquals(bits, bytes(read));
    }

    @Test
    void bfloat16IsReadAsFloat32OfTheSameBits() throws IOException {
        byte[] header = "{\"t\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]}}".getBytes();
        ByteBuffer content = ByteBuffer.allocate(16 + header.length).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length).put(header);
        for (int bits : new int[] {0x3f80, 0xc049, 0x0001, 0xff80}) {
            content.putShort((short) bits);
        }
        Files.write(file, content.array());
        assertArrayEquals(new float[] {1, -3.140625f, Float.intBitsToFloat(0x10000), Float.NEGATIVE_INFINITY},
                SafeTensors.read(file, manager).get("t").toFloatArray());
    }

    private static byte[] bytes(NDArray array) {
        ByteBuffer buffer = array.toByteBuffer();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return bytes;
    }

    @Test
    void scalarsAndEmptyTensorsComeBack() throws IOException {
        SafeTensors.write(file, Map.of("scalar", manager.create(3.5f), "empty", manager.create(new Shape(0, 4))));
        Map<String, NDArray> read = SafeTensors.read(file, manager);
        assertEquals(3.5f, read.get("scalar").getFloat());
        assertEquals(new Shape(0, 4), read.get("empty").getShape());
    }

    @Test
    void fileIsLaidOutAsOtherReadersExpect() throws IOException {
        Map<String, NDArray> tensors = new LinkedHashMap<>();
        tensors.put("z", manager.create(new float[] {1, 2, 3}));
        tensors.put("ä", manager.create(new long[][] {{4}, {5}}));
        SafeTensors.write(file, tensors);

        ByteBuffer content = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int length = (int) content.getLong();
        assertEquals(0, length % 8, "tensors begin at a multiple of eight bytes");
        JsonNode header = new ObjectMapper().readTree(content.array(), 8, length);
        assertEquals("{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"z\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},"
                + "\"ä\":{\"dtype\":\"I64\",\"shape\":[2,1],\"data_offsets\":[12,28]}}", header.toString());
        assertEquals(8 + length + 28, content.capacity());
        assertEquals(2f, content.getFloat(8 + length + 4));
        assertEquals(5, content.getLong(8 + length + 12 + 8));
    }

    /** Written by the safetensors library of Python, with metadata and its own order of tensors. */
    @Test
    void filesOfOthersAreRead() throws IOException {
        Path reference = Path.of("src/test/resources/gptj-tiny/model.safetensors");
        Map<String, NDArray> read = SafeTensors.read(reference, manager);
        assertEquals(new Shape(97, 24), read.get("transformer.wte.weight").getShape());
    }

    @Test
    void headersAreListedAndTensorsChosen() throws IOException {
        SafeTensors.write(file, Map.of("a", manager.create(new float[] {1, 2}), "b", manager.create(3L)));
        Map<String, Shape> listed = SafeTensors.list(file).stream()
                .collect(Collectors.toMap(TensorInfo::name, TensorInfo::shape));
        assertEquals(Map.of("a", new Shape(2), "b", new Shape()), listed);
        assertEquals(Set.of("b"), SafeTensors.read(file, manager, "b"::equals).keySet());
    }

    @Test
    void tensorsStayValidWhenTheirBuffersCouldBeCollected() throws IOException {
        int[] values = IntStream.range(0, 1 << 16).toArray();
        SafeTensors.write(file, Map.of("t", manager.create(values)));
        NDArray read = SafeTensors.read(file, manager).get("t");
        for (int i = 0; i < 3; i++) {
            System.gc();
            try (NDManager scratch = manager.newSubManager()) {
                scratch.ones(new Shape(1 << 20)).addi(i);
            }
            assertArrayEquals(values, read.toIntArray());
        }
    }

    private void write(long headerLength, String header, int dataBytes) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        Files.write(file, ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(headerLength).put(json).array());
    }

    private void write(String header, int dataBytes) throws IOException {
        write(header.getBytes(StandardCharsets.UTF_8).length, header, dataBytes);
    }

    private void assertRefused(String mentioned) {
        String message = assertThrows(GerbilException.class, () -> SafeTensors.read(file, manager)).getMessage();
        assertTrue(message.contains(file.toString()) && message.contains(mentioned), message);
    }

    @Test
    void truncatedFilesAreRefusedWhereverTheyEnd() throws IOException {
        SafeTensors.write(file, Map.of("a", manager.create(new float[] {1, 2, 3}), "b", manager.create(4L)));
        byte[] whole = Files.readAllBytes(file);
        for (int length = 0; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertRefused("");
        }
        Files.write(file, Arrays.copyOf(whole, whole.length + 1));
        assertRefused("bytes of tensors");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 0, 1, 3, 100_000_001})
    void headerLengthsOutsideTheFileAreRefused(long length) throws IOException {
        write(length, "{}", 0);
        assertRefused("a header of " + length + " bytes");
    }

    @Test
    void headersAboveTheFormatsLimitAreRefusedUnread() throws IOException {
        write(100_000_001, "{}", 0);
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(200_000_000);
        }
        assertRefused("at most 100000000 bytes");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", " {}", "nul", "{\"a\"", "{}{}", "{} x", "{\"a\": 1, \"a\": 2}",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,1]}}"})
    void headersThatAreNotOneJsonObjectAreRefused(String header) throws IOException {
        write(header, 1);
        assertRefused("header");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "{\"format\": 1}", "{\"format\": {}}", "[\"format\"]"})
    void metadataThatAreNotStringsAreRefused(String metadata) throws IOException {
        write("{\"__metadata__\":" + metadata + "}", 0);
        assertRefused("__metadata__");
    }

    /** As long as the format admits, of nonsense that a tree of JSON would need many gigabytes for. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"t\":{\"shape\":[                    | 1,     | at most 64 whole numbers",
        "{\"t\":{\"shape\":                     | [      | whole numbers",
        "{\"t\":{\"other\":[                    | [],    | t with a other",
        "{\"__metadata__\":{\"format\":\"        | x      | not JSON"})
    void headersOfNonsenseTakeNoMoreThanTheirBytes(String beginning, String repeated, String mentioned)
            throws IOException {
        write(beginning + repeated.repeat((100_000_000 - beginning.length()) / repeated.length()), 0);
        assertRefused(mentioned);
    }

    /** Names that differ take more memory than their bytes. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"__metadata__\":{ | \"%d\":\"\",          | at most 100000 strings",
        "{ | \"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}, | more than 100000 tensors"})
    void headersOfMillionsOfEntriesAreRefused(String beginning, String entry, String mentioned) throws IOException {
        StringBuilder header = new StringBuilder(beginning);
        for (int i = 0; header.length() < 50_000_000; i++) {
            header.append(entry.replace("%d", Integer.toString(i)));
        }
        write(header.toString(), 0);
        assertRefused(mentioned);
    }

    /** The heap of tests is 1 GB. */
    @Test
    void moreIsReadThanTheHeapHolds() throws IOException {
        write("{\"a\":{\"dtype\":\"F32\",\"shape\":[150000000],\"data_offsets\":[0,600000000]},"
                + "\"b\":{\"dtype\":\"BF16\",\"shape\":[300000000],\"data_offsets\":[600000000,1200000000]}}", 0);
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            long end = sparse.length() + 1_200_000_000;
            sparse.setLength(end);
            sparse.seek(end - 2);
            sparse.writeShort(0x803f);
        }
        assertTrue(Runtime.getRuntime().maxMemory() < 1_200_000_000);
        NDArray last = SafeTensors.read(file, manager).get("b");
        assertEquals(1, last.getFloat(299_999_999));
    }

    @Test
    void headersThatAreNotUtf8AreRefused() throws IOException {
        Files.write(file, new byte[] {4, 0, 0, 0, 0, 0, 0, 0, '{', (byte) 0xff, ' ', '}'});
        assertRefused("not UTF-8");
    }

    /** Every file here has eight bytes of tensors. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "F32 | [2] | [0, 4]                   | span",
        "F32 | [1] | [0, 8]                   | span",
        "F64 | [2] | [0, 8]                   | span",
        "F32 | [2] | [8, 0]                   | span",
        "F32 | [2] | [-8, 0]                  | whole numbers",
        "F32 | [2] | [0, 8.0]                 | whole numbers",
        "F32 | [2] | [4, 12]                  | beginning at byte 4",
        "F32 | [1] | [0, 4]                   | 8 bytes of tensors",
        "F32 | [4] | [0, 16]                  | 8 bytes of tensors",
        "F32 | [-2] | [0, 8]                  | whole numbers",
        "F32 | [-1, -2] | [0, 8]              | whole numbers",
        "F32 | [2.5] | [0, 8]                 | whole numbers",
        "F32 | [\"2\"] | [0, 8]               | whole numbers",
        "F32 | [null] | [0, 8]                | whole numbers",
        "F32 | [99999999999999999999] | [0, 8] | whole numbers",
        "F32 | 2 | [0, 8]                     | whole numbers",
        "F32 | [2] | [0, 8, 8]                | whole numbers",
        "F32 | [2] | 8                        | whole numbers",
        "F31 | [2] | [0, 8]                   | of type",
        "f32 | [2] | [0, 8]                   | of type",
        "F32 | [4611686018427387904, 2] | [0, 8] | span",
        "F32 | [4611686018427387904, 4611686018427387904] | [0, 9223372036854775807] | span",
        "F32 | [0, 4611686018427387904, 4611686018427387904] | [0, 0] | span",
        "U8 | [3000000000] | [0, 3000000000]  | span"})
    void tensorsThatDoNotFitTheirBytesAreRefused(String type, String shape, String offsets, String mentioned)
            throws IOException {
        write("{\"t\":{\"dtype\":\"" + type + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}", 8);
        assertRefused(mentioned);
    }

    @ParameterizedTest
    @CsvSource({"0, 8, 4, 12, 12", "0, 8, 12, 20, 20", "4, 12, 12, 20, 20", "0, 8, 0, 8, 16"})
    void overlapsAndHolesAreRefused(int begin, int end, int otherBegin, int otherEnd, int bytes) throws IOException {
        write("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + begin + "," + end + "]},"
                + "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" + otherBegin + "," + otherEnd + "]}}",
                bytes);
        assertRefused("beginning at byte");
    }

    @Test
    void failedWriteLeavesTheOldFileAlone() throws IOException {
        SafeTensors.write(file, Map.of("old", manager.create(1f)));
        NDArray closed = manager.create(2f);
        Map<String, NDArray> unsupported = Map.of("text", manager.create("not a number"));
        assertThrows(GerbilException.class, () -> SafeTensors.write(file, unsupported));
        closed.close();
        assertThrows(RuntimeException.class, () -> SafeTensors.write(file, Map.of("closed", closed)));
        assertEquals(1f, SafeTensors.read(file, manager).get("old").getFloat());

        Path occupied = Files.createDirectories(folder.resolve("occupied.safetensors/inside")).getParent();
        Map<String, NDArray> tensors = Map.of("new", manager.create(3f));
        assertThrows(IOException.class, () -> SafeTensors.write(occupied, tensors));
        assertThrows(IOException.class, () -> SafeTensors.write(folder.resolve("nowhere/a"), tensors));
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(List.of(file, occupied), files.sorted().toList());
        }
    }

    @Test
    void interruptDoesNotSpoilAWrite() throws IOException {
        Thread.currentThread().interrupt();
        SafeTensors.write(file, Map.of("t", manager.create(1f)));
        assertTrue(Thread.interrupted(), "the thread stays interrupted");
        assertEquals(1f, SafeTensors.read(file, manager).get("t").getFloat());
    }
}
