package gerbil.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.github.luben.zstd.ZstdOutputStream;
import gerbil.Campaign;
import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.corpus.BadFile;
import gerbil.corpus.Block;
import gerbil.corpus.Slice;
import gerbil.corpus.TextFolder;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingRequest;
import gerbil.safetensors.SafeTensors;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.StoppedPreparation;
import gerbil.tokens.TokenSet;
import gerbil.train.FinishedRun;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipFile;

/**
 * Damage to every kind of file that is read: it is read all the same, or refused in a sentence; where there is a
 * checksum, it is read as it was or refused. Nothing else is thrown, nothing takes long, and the heap of a gigabyte is
 * enough, beside which little memory is taken. (Here, because {@code .bin} and {@code config.json} are read by classes
 * of this package.)
 */
class MutationTest {

    private static final int MUTATIONS = Campaign.many("mutations", 600);
    private static final Duration LONGEST = Duration.ofMinutes(1);
    /** Of resident memory, as far as the heap is not larger. */
    private static final long MOST_MIB_BESIDE_HEAP = 512;
    private static final Path PROCESS = Path.of("/proc/self/status");
    private static final Pattern SENTENCE =
            Pattern.compile("Found: .+\\. Expected: .+\\. To do: .+\\.", Pattern.DOTALL);
    private static final Pattern NUMBER = Pattern.compile("-?\\d+");
    private static final List<String> NUMBERS =
            List.of("-1", "0", "1e400", "2147483648", "99999999999999999999", "0.5");
    private static final List<String> MARKS =
            List.of("\n", "\"", "\\", "{", "}", "[", "]", ":", ",", "\0", "null", "\u00e9\ud83d\ude00", "../");

    @TempDir
    private Path folder;
    private final Random random = new Random(Campaign.SEED);
    private NDManager manager;

    /** What reads a file; what it finds is compared by its text where a checksum promises that it is as it was. */
    @FunctionalInterface
    private interface Reader {

        Object read() throws IOException;
    }

    private final class Target {

        private final Path file;
        private final byte[] whole;
        private final Reader reader;
        private final Object promised;
        private int refused;
        private int count;

        Target(Path file, boolean checksum, Reader reader) throws IOException {
            this.file = file;
            this.reader = reader;
            whole = Files.readAllBytes(file);
            Object found = reader.read();
            promised = checksum ? found : null;
        }

        void mutate(int number) throws IOException {
            byte[] bytes = mutated(whole);
            Files.write(file, bytes);
            count++;
            try {
                Object found = assertTimeoutPreemptively(LONGEST, reader::read);
                if (promised != null) {
                    assertEquals(promised, found, "read without a word");
                }
            } catch (GerbilException e) {
                assertTrue(SENTENCE.matcher(e.getMessage()).matches(), e.getMessage());
                refused++;
            } catch (Throwable e) { // of any kind: named with what made it
                Path kept = Files.write(Files.createTempFile("mutation-", "-" + file.getFileName()), bytes);
                throw new AssertionError("mutation " + number + " of seed " + Campaign.SEED + ", kept as " + kept, e);
            }
            Files.write(file, whole);
        }
    }

    private byte[] mutated(byte[] whole) {
        byte[] bytes = whole;
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int at = random.nextInt(bytes.length);
            int length = Math.min(bytes.length - at,
                    random.nextInt(random.nextInt(4) == 0 ? bytes.length : 9));
            bytes = switch (random.nextInt(8)) {
                case 0 -> put(bytes, at, 1, new byte[] {(byte) (bytes[at] ^ 1 << random.nextInt(8))});
                case 1 -> Arrays.copyOf(bytes, at);
                case 2 -> put(bytes, at, 0, random(length));
                case 3 -> put(bytes, at, length, Arrays.copyOfRange(bytes, at / 2, at / 2 + length));
                case 4 -> put(bytes, at, length, new byte[0]);
                case 5 -> put(bytes, at, Math.min(8, bytes.length - at), huge());
                case 6 -> put(bytes, at, random.nextInt(2), one(MARKS).getBytes(StandardCharsets.UTF_8));
                default -> withAnotherNumber(bytes, at);
            };
            bytes = bytes.length == 0 ? new byte[1] : bytes;
        }
        return bytes;
    }

    private static byte[] put(byte[] bytes, int at, int length, byte[] middle) {
        byte[] changed = Arrays.copyOf(bytes, bytes.length - Math.min(length, bytes.length - at) + middle.length);
        System.arraycopy(middle, 0, changed, at, middle.length);
        System.arraycopy(bytes, Math.min(bytes.length, at + length), changed, at + middle.length,
                changed.length - at - middle.length);
        return changed;
    }

    private byte[] random(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** As a length, in either order of bytes. */
    private byte[] huge() {
        byte[] bytes = new byte[random.nextBoolean() ? 4 : 8];
        Arrays.fill(bytes, (byte) 0xFF);
        bytes[random.nextBoolean() ? 0 : bytes.length - 1] = (byte) (random.nextBoolean() ? 0x7F : 0xFF);
        return bytes;
    }

    private String one(List<String> list) {
        return list.get(random.nextInt(list.size()));
    }

    private byte[] withAnotherNumber(byte[] bytes, int at) {
        Matcher number = NUMBER.matcher(new String(bytes, StandardCharsets.ISO_8859_1));
        return number.find(at) ? put(bytes, number.start(), number.end() - number.start(),
                one(NUMBERS).getBytes(StandardCharsets.UTF_8)) : bytes;
    }

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void everyFileIsReadOrRefused() throws IOException {
        if (Files.exists(PROCESS)) { // other tests may have needed more
            Files.writeString(PROCESS.resolveSibling("clear_refs"), "5");
        }
        long before = peakMebibytes();
        List<Target> targets = new ArrayList<>(ofARun());
        targets.addAll(ofTokens());
        targets.addAll(ofModels());
        targets.addAll(ofCorpora());
        targets.addAll(ofAPreparation());
        for (int i = 0; i < MUTATIONS; i++) {
            targets.get(i % targets.size()).mutate(i);
        }
        for (Target target : targets) {
            assertTrue(target.refused < target.count || target.promised != null || MUTATIONS < 10_000,
                    target.file.getFileName() + " is never read");
        }
        int refused = targets.stream().mapToInt(t -> t.refused).sum();
        assertTrue(refused > MUTATIONS / 4 && refused < MUTATIONS, refused + " refused");
        long heap = Runtime.getRuntime().maxMemory() >> 20;
        long grown = peakMebibytes() - before;
        assertTrue(grown < heap + MOST_MIB_BESIDE_HEAP, grown + " MiB of memory, with a heap of " + heap);
        Campaign.report("Damaged files of " + targets.size() + " kinds", MUTATIONS + " mutations: " + refused
                + " refused in a sentence, " + (MUTATIONS - refused) + " read, where there is a checksum as they were; "
                + "no other exception, none longer than " + LONGEST.toSeconds() + " seconds, heap "
                + heap + " MiB, resident memory " + grown + " MiB more than before");
    }

    /** The most that was resident; 0 where the system does not tell. */
    private static long peakMebibytes() throws IOException {
        if (!Files.exists(PROCESS)) {
            return 0;
        }
        return Files.readAllLines(PROCESS).stream().filter(line -> line.startsWith("VmHWM"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) >> 10).findFirst().orElseThrow();
    }

    private List<Target> ofARun() throws IOException {
        RunDirectory run = FinishedRun.train(folder.resolve("trained"), 3);
        Path checkpoint = run.checkpoints().resolve("step-0000003");
        Reader model = () -> {
            try (TrainedModel read = TrainedModel.open(run)) {
                return read.sha256();
            }
        };
        run.request(new TrainingRequest(run.spec(), "tokens", null, null, null));
        Reader whole = () -> run.wholeCheckpoint(note -> { }).orElseThrow().step();
        return List.of(new Target(run.folder().resolve("run.json"), true, run::record),
                new Target(run.folder().resolve("result.json"), true, run::result),
                new Target(run.folder().resolve("request.json"), true, run::request),
                new Target(run.metricsFile(), true, () -> {
                    run.requireMetrics();
                    return run.metrics().subList(0, 3);
                }), new Target(checkpoint.resolve("manifest.json"), true, whole),
                new Target(checkpoint.resolve("weights.safetensors"), true, model),
                new Target(checkpoint.resolve("moments.safetensors"), true, whole));
    }

    private List<Target> ofTokens() throws IOException {
        Path tokens = folder.resolve("trained/tokens/train");
        Reader ids = () -> {
            TokenSet set = TokenSet.open(tokens);
            int[] read = new int[Math.toIntExact(set.tokens())];
            set.read(0, read);
            return set.vocabulary() + Arrays.toString(read);
        };
        return List.of(new Target(tokens.resolve("tokens.json"), true, ids),
                new Target(tokens.resolve("shard-00000.bin"), true, ids));
    }

    private List<Target> ofModels() throws IOException {
        Path files = Files.createDirectory(folder.resolve("models"));
        Path resources = Path.of("src/test/resources");
        Path weights = files.resolve("model.safetensors");
        SafeTensors.write(weights, Map.of("a", manager.create(new float[] {1, 2, 3, 4}, new Shape(2, 2)), "b",
                manager.create(new long[] {5, 6})));
        Path bin = copy(resources.resolve("pickles/tensors.bin"), files.resolve("pytorch_model.bin"));
        Path config = copy(resources.resolve("gptj-tiny/config.json"), files.resolve("config.json"));
        List<Target> targets = new ArrayList<>();
        targets.add(new Target(weights, false, () -> {
            try (NDManager scratch = manager.newSubManager()) {
                return SafeTensors.read(weights, scratch).size();
            }
        }));
        targets.add(new Target(bin, true, () -> {
            try (NDManager scratch = manager.newSubManager()) {
                PyTorchFile file = new PyTorchFile(bin);
                Map<String, String> read = new TreeMap<>();
                file.read(scratch, file.tensors().keySet()).forEach((name, array) ->
                        read.put(name, array.getShape() + hash(array)));
                return read;
            }
        }));
        Path pickle = files.resolve("data.pkl");
        try (ZipFile zip = new ZipFile(bin.toFile())) {
            Files.write(pickle, zip.getInputStream(zip.getEntry("tensors/data.pkl")).readAllBytes());
        }
        targets.add(new Target(pickle, false, () -> {
            Map<String, PickledTensor> tensors = Unpickler.tensors(pickle, Files.readAllBytes(pickle));
            for (PickledTensor tensor : tensors.values()) {
                int bytes = Math.toIntExact(tensor.shape().size() * tensor.storage().type().getNumOfBytes());
                if (bytes > 0) {
                    tensor.put(ByteBuffer.allocate(tensor.storage().bytes()), ByteBuffer.allocate(bytes));
                }
            }
            return tensors.keySet();
        }));
        targets.add(new Target(config, false, () -> TransformersConfig.read(Import.config(files), config)));
        for (String kind : List.of("bpe", "unigram", "wordpiece")) {
            Path json = copy(resources.resolve("tokenizers/" + kind + "/tokenizer.json"),
                    Files.createDirectory(files.resolve(kind)).resolve("tokenizer.json"));
            copy(resources.resolve("tokenizers/" + kind + "/tokenizer_config.json"),
                    json.resolveSibling("tokenizer_config.json"));
            targets.add(new Target(json, false, () -> {
                Tokenizer tokenizer = new Tokenizer(Vocabulary.open(json));
                return tokenizer.decode(tokenizer.encode("On day 7 the gerbil ran \u2014 n\u00e9"));
            }));
        }
        return targets;
    }

    private static String hash(NDArray array) {
        return array.size() == 0 ? "" : Sha256.hex(bytes(array));
    }

    private static byte[] bytes(NDArray array) {
        byte[] bytes = new byte[array.toByteBuffer().remaining()];
        array.toByteBuffer().get(bytes);
        return bytes;
    }

    private static Path copy(Path from, Path to) throws IOException {
        return Files.copy(from, to);
    }

    private List<Target> ofCorpora() throws IOException {
        Path files = Files.createDirectory(folder.resolve("corpora"));
        List<Target> targets = new ArrayList<>();
        Path lines = Files.write(files.resolve("a.jsonl"), lines());
        targets.add(new Target(lines, false, () -> {
            Outcome outcome = outcome(lines);
            assertEquals(linesWithContent(Files.readAllBytes(lines)), outcome.texts.size() + outcome.counted);
            return outcome;
        }));
        Path text = Files.writeString(files.resolve("a.txt"),
                "Gr\u00fc\u00dfe <|endoftext|>\n\ud83d\ude00 \u0905\u0628");
        targets.add(new Target(text, false, () -> {
            Outcome outcome = outcome(text);
            assertEquals(1, outcome.texts.size() + outcome.counted);
            return outcome;
        }));
        for (String name : List.of("a.jsonl.gz", "a.jsonl.zst")) {
            Path file = Files.write(files.resolve(name), compressed(name));
            targets.add(new Target(file, true, () -> wholeOrBad(file)));
        }
        for (String name : List.of("none", "snappy", "gzip", "zstd", "v2", "delta", "labels")) {
            Path file = copy(Path.of("src/test/resources/parquet", name + ".parquet"),
                    files.resolve(name + ".parquet"));
            targets.add(new Target(file, false, () -> outcome(file)));
        }
        return targets;
    }

    private List<Target> ofAPreparation() throws IOException {
        StoppedPreparation stopped = new StoppedPreparation(folder.resolve("prepared"));
        List<Target> targets = new ArrayList<>();
        targets.add(new Target(stopped.file("state.json"), true, stopped::goneOnWith));
        for (String file : List.of("documents.bin", "ids.bin", "table.bin")) {
            targets.add(new Target(stopped.file("copies/" + file), false, stopped::goneOnWith));
        }
        return targets;
    }

    /** What came of a file: documents' texts, other lines or rows that were counted, and why its rest is bad. */
    private record Outcome(List<String> texts, int counted, BadFile bad) {
    }

    private static Outcome outcome(Path file) throws IOException {
        List<String> texts = new ArrayList<>();
        int counted = 0;
        BadFile bad = null;
        try (Stream<Slice> slices = TextFolder.open(file).slices(1)) {
            for (Slice slice : (Iterable<Slice>) slices::iterator) {
                try (Stream<Block> blocks = slice.blocks()) {
                    for (Block block : (Iterable<Block>) blocks::iterator) {
                        Block.Content content = block.read();
                        content.documents().forEach(d -> texts.add(d.text()));
                        counted += content.blank() + content.defects().size();
                        bad = content.rest() == null ? bad : content.rest();
                    }
                } catch (BadFile e) {
                    assertTrue(e.getMessage().contains(file.getFileName().toString()), e.getMessage());
                    bad = e;
                }
            }
        }
        return new Outcome(texts, counted, bad);
    }

    /** Both have a checksum of their content; a part of a file may be read before it is told that the rest is bad. */
    private static List<String> wholeOrBad(Path file) throws IOException {
        Outcome outcome = outcome(file);
        if (outcome.bad != null) {
            throw outcome.bad;
        }
        return outcome.texts.stream().distinct().sorted().toList();
    }

    private static byte[] lines() {
        return IntStream.range(0, 30).mapToObj(i -> switch (i % 6) {
            case 0 -> "{\"text\": \"line " + i
                    + " gr\u00fc\u00df \ud83d\ude00\", \"meta\": {\"pile_set_name\": \"Subset\"}}";
            case 1 -> "{\"id\": [1, {\"a\": null}], \"text\": \"a\\nb\\u00e9\\ud83d\\ude00\"}";
            case 2 -> "{\"text\": \" \"}";
            case 3 -> "   ";
            default -> "{\"text\": \"<|endoftext|> " + i + "\"}";
        }).collect(Collectors.joining("\n")).getBytes(StandardCharsets.UTF_8);
    }

    private static int linesWithContent(byte[] bytes) {
        int lines = 0;
        int begin = 0;
        for (int i = 0; i <= bytes.length; i++) {
            if (i == bytes.length || bytes[i] == '\n') {
                lines += IntStream.range(begin, i).allMatch(at -> bytes[at] >= 0 && bytes[at] <= ' ') ? 0 : 1;
                begin = i + 1;
            }
        }
        return lines;
    }

    /** Two members or frames. */
    private static byte[] compressed(String name) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < 2; i++) {
            try (OutputStream out = name.endsWith(".gz") ? new GZIPOutputStream(bytes)
                    : new ZstdOutputStream(bytes).setChecksum(true)) {
                out.write(lines());
                out.write('\n');
            }
        }
        return bytes.toByteArray();
    }
}
