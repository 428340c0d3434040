package gerbil.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/** The files were saved by real PyTorch; make.py beside them says how. */
class PyTorchFileTest {

    private static final Path SAVED = Path.of("src/test/resources/pickles");

    @TempDir
    private Path folder;

    @Test
    void tensorsOfEveryKindAreRead() throws IOException {
        try (NDManager manager = NDManager.newBaseManager()) {
            PyTorchFile file = new PyTorchFile(SAVED.resolve("tensors.bin"));
            assertEquals(12, file.tensors().size());
            assertEquals(new WeightFile.Kind(DataType.BFLOAT16, new Shape(4)), file.tensors().get("bfloat16"));
            assertEquals(new Shape(4, 2, 3), file.tensors().get("transposed").shape());
            Map<String, NDArray> read = file.read(manager, file.tensors().keySet());
            assertArrayEquals(new float[] {-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f}, floats(read, "float32"));
            assertArrayEquals(new float[] {0, 1.5f, 3, 4.5f}, floats(read, "bfloat16"));
            assertArrayEquals(new float[] {0, 0.33325195f, 0.6665039f, 1}, floats(read, "float16"));
            assertArrayEquals(new float[] {0, 1 / 3f, 2 / 3f}, floats(read, "float64"));
            assertArrayEquals(new float[] {1, 0, 0, 1, 1, 0, 1, 1, 1}, floats(read, "mask"));
            assertArrayEquals(new float[] {-1e9f}, floats(read, "scalar"));
            assertArrayEquals(new float[] {5, 8, 11, 14}, floats(read, "slice"));
            assertArrayEquals(new float[] {7, 7, 7, 7, 7, 7}, floats(read, "expanded"));
            assertArrayEquals(new float[] {1, 1, 1, 1}, floats(read, "parameter"));
            assertArrayEquals(new long[] {1L << 40, -3}, read.get("ids").toLongArray());
            assertEquals(new Shape(0, 4), read.get("empty").getShape());
            float[] transposed = floats(read, "transposed");
            for (int i = 0; i < transposed.length; i++) {
                assertEquals(i % 6 * 4 + i / 6, transposed[i]);
            }
        }
    }

    private static float[] floats(Map<String, NDArray> read, String name) {
        return read.get(name).toType(DataType.FLOAT32, false).toFloatArray();
    }

    @Test
    void newerPickleProtocolsAreRead() throws IOException {
        assertEquals(new Shape(2), new PyTorchFile(SAVED.resolve("protocol4.bin")).tensors().get("w").shape());
    }

    @Test
    void attributesAreNotRead() throws IOException {
        try (NDManager manager = NDManager.newBaseManager()) {
            PyTorchFile file = new PyTorchFile(SAVED.resolve("state.bin"));
            Map<String, NDArray> read = file.read(manager, file.tensors().keySet());
            assertArrayEquals(new float[] {0, 1, 2}, floats(read, "parameter"));
            assertArrayEquals(new float[] {0, 1, 2}, floats(read, "again"));
            assertArrayEquals(new float[] {1, 2}, floats(read, "tensor"));
            assertArrayEquals(new float[] {1}, floats(read, "tied"));
        }
        assertEquals(Set.of("weight", "bias"), new PyTorchFile(SAVED.resolve("metadata.bin")).tensors().keySet());
    }

    /** Whatever may run a program is told as that. */
    @ParameterizedTest
    @CsvSource({"system.bin, imports posix.system", "eval.bin, imports __builtin__.eval"})
    void whatIsHostileIsToldAsThat(String name, String mentioned) {
        assertTrue(assertRefused(SAVED.resolve(name), mentioned).contains("with any program"));
    }

    /** What PyTorch writes itself is told as what it is. */
    @ParameterizedTest
    @CsvSource(quoteCharacter = '`', value = {
        "module.bin, imports torch.nn.modules.linear.Linear", "quantized.bin, imports torch._utils._rebuild_qtensor",
        "sparse.bin, imports torch._utils._rebuild_sparse_tensor",
        "float8.bin, imports torch._utils._rebuild_tensor_v3",
        "complex.bin, imports torch.ComplexFloatStorage",
        "meta.bin, imports torch._utils._rebuild_meta_tensor_no_storage",
        "script.bin, imports __torch__.torch.nn.modules.linear.Linear", "negative.bin, the negative or the conjugate",
        "checkpoint.bin, 'model' that is no tensor but a dictionary", "optimizer.bin, 'state' that is no tensor but",
        "list.bin, with a list", "tensor.bin, with one tensor", "legacy.bin, the format of PyTorch before 1.6"})
    void whatIsNotTensorsIsRefusedInItsOwnWords(String name, String mentioned) {
        String message = assertRefused(SAVED.resolve(name), mentioned);
        assertFalse(message.contains("with any program") || message.contains("contradicts"), message);
    }

    /** The same program as made the files here, run by the PyTorch that is installed. */
    @Test
    @EnabledIfEnvironmentVariable(named = PeersTest.PYTHON, matches = ".+",
            disabledReason = "environment/test --peers runs it")
    void otherVersionsOfPyTorchAreReadAndRefusedTheSame() throws Exception {
        Process python = new ProcessBuilder(System.getenv(PeersTest.PYTHON),
                SAVED.resolve("make.py").toAbsolutePath().toString()).directory(folder.toFile())
                .redirectErrorStream(true).start();
        String said = new String(python.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, python.waitFor(), said);
        try (Stream<Path> saved = Files.list(SAVED)) {
            for (Path file : saved.filter(f -> f.toString().endsWith(".bin")).toList()) {
                Path fresh = folder.resolve(file.getFileName());
                assertEquals(outcome(file), outcome(fresh).replace(fresh.toString(), file.toString()));
            }
        }
    }

    private static String outcome(Path file) throws IOException {
        try {
            return new PyTorchFile(file).tensors().toString();
        } catch (GerbilException e) {
            return e.getMessage();
        }
    }

    /** As PyTorch reads them. */
    @Test
    void compressedArchivesAreRead() throws IOException {
        Path file = folder.resolve("deflated.bin");
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
            for (Map.Entry<String, byte[]> content : entries("tensors.bin").entrySet()) {
                out.putNextEntry(new ZipEntry(content.getKey()));
                out.write(content.getValue());
            }
        }
        try (NDManager manager = NDManager.newBaseManager()) {
            Map<String, NDArray> read = new PyTorchFile(file).read(manager, Set.of("float32"));
            assertArrayEquals(new float[] {-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f}, floats(read, "float32"));
        }
    }

    private static String assertRefused(Path file, String mentioned) {
        String message = assertThrows(GerbilException.class, () -> new PyTorchFile(file)).getMessage();
        assertTrue(message.contains(file.toString()) && message.contains(mentioned), message);
        return message;
    }

    /** Pickles written by hand, in the notation of Python's protocol 0 where there is one. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "cos\\nsystem\\n.                                   | imports os.system",
        "c__builtin__\\nexec\\n.                            | imports __builtin__.exec",
        "ccollections.OrderedDict\\n__init__\\n.            | imports collections.OrderedDict.__init__",
        "ctorch._utils\\n_rebuild_tensor_v2 os\\n.          | imports torch._utils._rebuild_tensor_v2?os",
        "(S'a'\\nios\\nsystem\\n.                           | operation 0x53",
        "(ios\\nsystem\\n.                                  | operation 0x69",
        "(os.                                              | operation 0x6f",
        "})\\x81.                                          | operation 0x81",
        "}.}                                               | ",
        "h\\x05.                                           | never stored",
        ".                                                 | contradicts itself",
        "t.                                                | contradicts itself",
        "}K\\x01K\\x02s.                                   | '1' that is no tensor",
        "}}K\\x02s.                                        | keys are neither",
        "ctorch.hub\\nload\\n.                             | with any program",
        "ctorch\\nload\\n.                                 | with any program",
        "ctorch\\nfloat32\\n)R.                            | calls torch.float32",
        "))R.                                              | contradicts itself",
        "]K\\x01b.                                         | sets the state",
        "]q\\x00h\\x00ah\\x00h\\x00\\x93.                      | contradicts itself",
        "X\\xff\\xff\\xff\\x7f.                            | text of 2147483647 bytes",
        "\\x8a\\x09\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01. | number of 9 bytes"})
    void hostilePicklesAreRefused(String pickle, String mentioned) throws IOException {
        if (mentioned == null) {
            assertTrue(new PyTorchFile(zip(Map.of("m/data.pkl", bytes(pickle)))).tensors().isEmpty());
        } else {
            assertRefused(zip(Map.of("m/data.pkl", bytes(pickle))), mentioned);
        }
    }

    /** Each would take a gigabyte of dictionaries, or 2^60 steps, to be read. */
    @Test
    @Timeout(300)
    void picklesThatWouldTakeMuchMemoryOrTimeAreRefused() throws IOException {
        for (char operation : new char[] {'}', '(', 'N'}) {
            byte[] many = new byte[16_000_000];
            Arrays.fill(many, (byte) operation);
            assertRefused(zip(Map.of("m/data.pkl", many)), "more than 1048576 operations");
        }
        String paths = "Nq\\x00" + "h\\x00h\\x00\\x86q\\x00".repeat(60) + "h\\x00h\\x00\\x93.";
        assertRefused(zip(Map.of("m/data.pkl", bytes(paths))), "contradicts itself");
        String name = "a".repeat(1_000_000);
        assertTrue(assertRefused(zip(Map.of("m/data.pkl", bytes("c" + name + "\\n" + name + "\\n."))), "imports aaa")
                .length() < 1_000);
    }

    /** One tensor of float32 at the beginning of its storage; numbers are long ones of a byte each. */
    private static byte[] tensor(int elements, String shape, String strides) {
        return bytes("}X\\x01\\x00\\x00\\x00wctorch._utils\\n_rebuild_tensor_v2\\n((X\\x07\\x00\\x00\\x00"
                + "storagectorch\\nFloatStorage\\nX\\x01\\x00\\x00\\x000X\\x03\\x00\\x00\\x00cpu" + number(elements) + "tQK\\x00("
                + numbers(shape) + "t(" + numbers(strides) + "t\\x89}tRs.");
    }

    private static String numbers(String list) {
        return Stream.of(list.split(" ")).map(n -> number(Integer.parseInt(n))).collect(Collectors.joining());
    }

    private static String number(int n) {
        return String.format("J\\x%02x\\x%02x\\x%02x\\x%02x", n & 0xFF, n >> 8 & 0xFF, n >> 16 & 0xFF, n >>> 24);
    }

    /** Refused by the pickle alone: there are no storages. */
    @ParameterizedTest
    @CsvSource({"400000000, 2, 1, 8 bytes as a view of 1600000000", "1, 268435456, 0, 1073741824 bytes as a view of 4",
        "1, 65536 65536, 0 0, it has 17179869184 bytes", "4, 4, -1, a negative dimension or stride",
        "4, -4, 1, a negative dimension or stride", "4, 4, 2, an element beyond the storage",
        "4, 2, 2147483647, an element beyond the storage", "600000000, 600000000, 1, it has 2400000000 bytes",
        "-4, 0, 1, which should hold -4"})
    void viewsFarLargerOrSmallerThanTheirStorageAreRefused(int elements, String shape, String strides, String mentioned)
            throws IOException {
        assertRefused(zip(Map.of("m/data.pkl", tensor(elements, shape, strides))), mentioned);
    }

    @Test
    void storagesHaveTheChecksumsOfTheArchive() throws IOException {
        byte[] bytes = Files.readAllBytes(SAVED.resolve("tensors.bin"));
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("\0\0 \u00c0\0\0\u00c0\u00bf"); // -2.5f, -1.5f
        bytes[at] ^= 1;
        PyTorchFile file = new PyTorchFile(Files.write(folder.resolve("flipped.bin"), bytes));
        try (NDManager manager = NDManager.newBaseManager()) {
            String message = assertThrows(GerbilException.class, () -> file.read(manager, file.tensors().keySet()))
                    .getMessage();
            assertTrue(message.contains("with another checksum"), message);
        }
    }

    @Test
    void anEntryBehindTheEndIsRefused() throws IOException {
        byte[] bytes = Files.readAllBytes(SAVED.resolve("tensors.bin"));
        int name = new String(bytes, StandardCharsets.ISO_8859_1).lastIndexOf("tensors/data/4");
        Arrays.fill(bytes, name - 4, name, (byte) 0xFF); // where the directory of the archive says that it begins
        PyTorchFile file = new PyTorchFile(Files.write(folder.resolve("behind.bin"), bytes));
        try (NDManager manager = NDManager.newBaseManager()) {
            String message = assertThrows(GerbilException.class, () -> file.read(manager, file.tensors().keySet()))
                    .getMessage();
            assertTrue(message.contains("a broken one (it ends early)"), message);
        }
    }

    private static byte[] bytes(String escaped) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < escaped.length(); i++) {
            if (escaped.startsWith("\\n", i)) {
                text.append('\n');
                i++;
            } else if (escaped.startsWith("\\x", i)) {
                text.append((char) Integer.parseInt(escaped.substring(i + 2, i + 4), 16));
                i += 3;
            } else {
                text.append(escaped.charAt(i));
            }
        }
        return text.toString().getBytes(StandardCharsets.ISO_8859_1);
    }

    private Path zip(Map<String, byte[]> entries) throws IOException {
        Path file = folder.resolve("model.bin");
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
            for (Map.Entry<String, byte[]> content : entries.entrySet()) {
                ZipEntry entry = new ZipEntry(content.getKey());
                CRC32 crc = new CRC32();
                crc.update(content.getValue());
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(content.getValue().length);
                entry.setCrc(crc.getValue());
                out.putNextEntry(entry);
                out.write(content.getValue());
            }
        }
        return file;
    }

    private static Map<String, byte[]> entries(String name) throws IOException {
        Map<String, byte[]> entries = new HashMap<>();
        try (ZipFile zip = new ZipFile(SAVED.resolve(name).toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                entries.put(entry.getName(), zip.getInputStream(entry).readAllBytes());
            }
        }
        return entries;
    }

    @Test
    void storagesOfAnotherSizeAreRefused() throws IOException {
        Map<String, byte[]> entries = entries("protocol4.bin");
        entries.put("protocol4/data/0", new byte[7]);
        assertRefused(zip(entries), "7 bytes in data/0");
        entries.remove("protocol4/data/0");
        assertRefused(zip(entries), "has no data/0, which should hold 2 of type float32");
        entries.put("protocol4/byteorder", "big".getBytes(StandardCharsets.US_ASCII));
        assertRefused(zip(entries), "byte order");
        entries.remove("protocol4/data.pkl");
        assertRefused(zip(entries), "0 entries named data.pkl");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 100, 1_000, 4_000})
    void truncatedFilesAreRefused(int length) throws IOException {
        byte[] whole = Files.readAllBytes(SAVED.resolve("tensors.bin"));
        Path file = Files.write(folder.resolve("cut.bin"), Arrays.copyOf(whole, length));
        assertRefused(file, "no zip archive");
    }
}
