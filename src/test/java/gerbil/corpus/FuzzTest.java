package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.ZstdOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;

/**
 * Tens of thousands of damaged files: each is read or named as bad; nothing else is thrown, nothing hangs, and what is
 * lost is told. {@code -Dfuzz.inputs=1000000 -Dfuzz.seed=7} for a longer or another run.
 */
@Timeout(600)
class FuzzTest {

    private static final int INPUTS = Integer.getInteger("fuzz.inputs", 24_000);
    private static final long SEED = Long.getLong("fuzz.seed", 0);

    @TempDir
    Path temp;
    private final Random random = new Random(SEED);

    /** What came of a file: documents' texts, other lines or rows that were counted, and whether its rest is bad. */
    private record Outcome(List<String> texts, int counted, boolean bad) {
    }

    private Outcome read(String name, byte[] bytes) throws IOException {
        Path file = temp.resolve(name);
        Files.write(file, bytes);
        List<String> texts = new ArrayList<>();
        int counted = 0;
        boolean bad = false;
        try (Corpus.Slices slices = TextFolder.open(file).slices(1)) {
            while (slices.hasNext()) {
                try (Slice.Blocks blocks = slices.next().blocks()) {
                    for (Iterator<Block> i = blocks; i.hasNext(); ) {
                        Block.Content content = i.next().read();
                        content.documents().forEach(d -> texts.add(d.text()));
                        counted += content.blank() + content.defects().size();
                        bad |= content.rest() != null;
                    }
                } catch (BadFile e) {
                    assertTrue(e.getMessage().contains(name), e.getMessage());
                    bad = true;
                }
            }
        }
        return new Outcome(texts, counted, bad);
    }

    private byte[] mutated(byte[] original) {
        byte[] bytes = original;
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            int at = random.nextInt(bytes.length);
            int length = random.nextInt(8) == 0 ? random.nextInt(bytes.length - at) : random.nextInt(4);
            int after = Math.min(at + length, bytes.length);
            byte[] middle = switch (random.nextInt(5)) {
                case 0 -> new byte[0];
                case 1 -> random(length);
                case 2 -> "\n\"\\{}[]:,\u00e9\ud83d\ude00".substring(random.nextInt(9))
                        .getBytes(StandardCharsets.UTF_8);
                case 3 -> new byte[] {(byte) (bytes[at] ^ 1 << random.nextInt(8))};
                default -> Arrays.copyOf(Arrays.copyOfRange(bytes, at, after), 2 * (after - at));
            };
            byte[] changed = Arrays.copyOf(bytes, at + middle.length + bytes.length - after);
            System.arraycopy(middle, 0, changed, at, middle.length);
            System.arraycopy(bytes, after, changed, at + middle.length, bytes.length - after);
            bytes = changed.length == 0 ? new byte[] {0} : changed;
        }
        return bytes;
    }

    private byte[] random(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
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

    private static boolean isBlank(byte[] bytes, int from, int to) {
        return IntStream.range(from, to).allMatch(i -> bytes[i] >= 0 && bytes[i] <= ' ');
    }

    private static int linesWithContent(byte[] bytes) {
        int lines = 0;
        int begin = 0;
        for (int i = 0; i <= bytes.length; i++) {
            if (i == bytes.length || bytes[i] == '\n') {
                lines += isBlank(bytes, begin, i) ? 0 : 1;
                begin = i + 1;
            }
        }
        return lines;
    }

    @Test
    void everyLineIsADocumentOrCounted() throws IOException {
        for (int i = 0; i < INPUTS / 3; i++) {
            byte[] bytes = mutated(lines());
            Outcome outcome = read("a.jsonl", bytes);
            assertEquals(linesWithContent(bytes), outcome.texts().size() + outcome.counted(),
                    () -> new String(bytes, StandardCharsets.ISO_8859_1));
        }
    }

    /** Both carry a checksum of their content. */
    @Test
    void compressedFilesAreReadWholeOrNamed() throws IOException {
        for (String name : List.of("a.jsonl.gz", "a.jsonl.zst")) {
            byte[] whole = compressed(name);
            Set<String> expected = Set.copyOf(read(name, whole).texts());
            for (int i = 0; i < INPUTS / 6; i++) {
                byte[] bytes = mutated(whole);
                Outcome outcome = read(name, bytes);
                assertTrue(outcome.bad() || expected.equals(Set.copyOf(outcome.texts())),
                        () -> name + " of " + Arrays.toString(bytes));
            }
        }
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

    @Test
    void parquetFilesAreReadOrNamed() throws IOException {
        for (String name : List.of("none", "snappy", "gzip", "zstd", "v2", "delta", "labels")) {
            byte[] whole = Files.readAllBytes(Path.of("src/test/resources/parquet", name + ".parquet"));
            int bad = 0;
            for (int i = 0; i < INPUTS / 21; i++) {
                Outcome outcome = read("a.parquet", i % 2 == 0 ? mutated(whole) : inPlace(whole));
                bad += outcome.bad() ? 1 : 0;
            }
            assertTrue(bad > 0, name);
        }
    }

    /** Damage that leaves the footer where it is found. */
    private byte[] inPlace(byte[] whole) {
        byte[] bytes = whole.clone();
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return bytes;
    }

    @Test
    void textsAreDocumentsOrCounted() throws IOException {
        byte[] whole = "Gr\u00fc\u00dfe <|endoftext|>\n\ud83d\ude00 \u0905\u0628".getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i < INPUTS / 12; i++) {
            Outcome outcome = read("a.txt", mutated(whole));
            assertEquals(1, outcome.texts().size() + outcome.counted());
        }
    }
}
