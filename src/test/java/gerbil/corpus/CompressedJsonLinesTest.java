package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.ZstdOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

class CompressedJsonLinesTest {

    private static final int PADDED = 512;

    @TempDir
    Path temp;

    /** Documents in the file's order, until its end or until it is bad. */
    private record Outcome(List<String> texts, BadFile bad) {
    }

    private Outcome read(String name, byte[] content) throws IOException {
        Path file = Files.write(temp.resolve(name), content);
        List<Document> documents = new ArrayList<>();
        BadFile bad = null;
        try (Stream<Slice> slices = TextFolder.open(file).slices(1)) {
            slices.flatMap(Slice::blocks).forEach(block -> {
                Block.Content read = block.read();
                assertEquals(List.of(), read.defects());
                documents.addAll(read.documents());
            });
        } catch (BadFile e) {
            bad = e;
        }
        documents.sort((a, b) -> Long.compare(offset(a), offset(b)));
        return new Outcome(documents.stream().map(Document::text).toList(), bad);
    }

    private static long offset(Document document) {
        return Long.parseLong(document.id().substring(document.id().indexOf('@') + 1));
    }

    private static byte[] lines(int from, int to) {
        StringBuilder lines = new StringBuilder();
        Random random = new Random(from);
        for (int i = from; i < to; i++) {
            lines.append("{\"text\": \"").append(i).append(' ').append(random.nextLong()).append("\"}\n");
        }
        return lines.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] compressed(String name, byte[]... members) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (byte[] member : members) {
            try (OutputStream out = name.endsWith(".gz") ? new GZIPOutputStream(bytes) : new ZstdOutputStream(bytes)) {
                out.write(member);
            }
        }
        return bytes.toByteArray();
    }

    /** Archives and tapes fill their last block. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 8, 18, 19, 26, 512, 200_000})
    void zerosAfterTheLastMemberAreNoGzip(int zeros) throws IOException {
        byte[] gzip = compressed("a.jsonl.gz", lines(0, 300), lines(300, 500));
        Outcome outcome = read("a.jsonl.gz", Arrays.copyOf(gzip, gzip.length + zeros));
        assertEquals(null, outcome.bad());
        assertEquals(500, outcome.texts().size());

        byte[] other = Arrays.copyOf(gzip, gzip.length + zeros + 1);
        other[other.length - 1] = 1;
        outcome = read("a.jsonl.gz", other);
        assertEquals(500, outcome.texts().size());
        assertTrue(outcome.bad().getMessage().contains("something that is not gzip follows its data"));
    }

    /** Java takes them up to its buffer's end. */
    @Test
    void zerosAfterAMemberThatFillsTheBufferAreNoGzip() throws IOException {
        for (int spare = 0; spare < 40; spare++) {
            byte[] incompressible = new byte[65_536 - 300 - spare];
            new Random(spare).nextBytes(incompressible);
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            // a comment, which nobody reads, brings the end of the member where the buffer ends
            bytes.write(new byte[] {0x1f, (byte) 0x8b, 8, 16, 0, 0, 0, 0, 0, 0});
            for (byte b : incompressible) {
                bytes.write(b == 0 ? 1 : b);
            }
            bytes.write(0);
            byte[] member = compressed("a.jsonl.gz", lines(0, 5));
            bytes.write(member, 10, member.length - 10);
            Outcome outcome = read("a.jsonl.gz", Arrays.copyOf(bytes.toByteArray(), bytes.size() + PADDED));
            assertEquals(5, outcome.texts().size());
            assertEquals(null, outcome.bad());
        }
    }

    /** Of a file that is cut off anywhere, all lines that a decompressor gives whole. */
    @ParameterizedTest
    @ValueSource(strings = {"a.jsonl.gz", "a.jsonl.zst"})
    void linesBeforeACutAreKept(String name) throws IOException {
        byte[] whole = compressed(name, lines(0, 3_000), lines(3_000, 12_000));
        int most = 0;
        for (int length = 1; length < whole.length; length += 1 + whole.length / 150) {
            byte[] cut = Arrays.copyOf(whole, length);
            Outcome outcome = read(name, cut);
            int lines = outcome.texts().size();
            most = Math.max(most, lines);
            if (outcome.bad() == null) {
                assertEquals(3_000, lines, "cut at " + length + " between frames");
                continue;
            }
            if (name.endsWith(".gz")) {
                assertEquals(decompressed(cut).chars().filter(c -> c == '\n').count(), lines, "cut at " + length);
            }
            assertEquals(lines, outcome.bad().defect().line());
            assertTrue(lines == 0 || outcome.bad().getMessage().contains("after line " + lines));
            for (int i = 0; i < lines; i++) {
                assertTrue(outcome.texts().get(i).startsWith(i + " "));
            }
        }
        assertTrue(most > 9_000, most + " lines at most");
    }

    private static String decompressed(byte[] cut) throws IOException {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(cut))) {
            in.transferTo(text);
        } catch (EOFException e) {
            // cut off
        }
        return text.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"a.jsonl.gz", "a.jsonl.zst"})
    void aLastLineWithoutItsEndIsADocumentUnlessTheFileIsCut(String name) throws IOException {
        byte[] text = "{\"text\": \"0 one\"}\n{\"text\": \"1 two\"}".getBytes(StandardCharsets.UTF_8);
        assertEquals(List.of("0 one", "1 two"), read(name, compressed(name, text)).texts());
        for (byte[] cut : List.of(compressed(name, text), compressed(name, lines(0, 1), text))) {
            Outcome outcome = read(name, Arrays.copyOf(cut, cut.length - 3));
            assertTrue(outcome.bad() != null && !outcome.texts().contains("1 two"), outcome.toString());
        }
    }
}
