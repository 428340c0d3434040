package gerbil.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.ZstdOutputStream;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.corpus.Deduplication;
import gerbil.corpus.Defect;
import gerbil.corpus.TextFolder;
import gerbil.tokenizer.Vocabulary;
import gerbil.train.Child;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;

class BadInputTest {

    private static final long ALL = Long.MAX_VALUE;

    @TempDir
    Path temp;
    private Path texts;

    @BeforeEach
    void writeGoodDocuments() throws IOException {
        texts = Files.createDirectory(temp.resolve("texts"));
        Files.write(texts.resolve("good.jsonl"), IntStream.range(0, 500)
                .mapToObj(i -> Json.line(Map.of("text", "document " + i))).toList());
    }

    private PreparationReport prepare(int badDocuments, boolean skipBadFiles) {
        Preparation.prepare(TextFolder.open(texts), Vocabulary.cut(300), temp.resolve("out"), ALL, ALL, 0,
                new Screening(Deduplication.EXACT, badDocuments, skipBadFiles), Progress.NONE);
        return PreparationReport.of(temp.resolve("out")).orElseThrow();
    }

    private String refusal(int badDocuments, boolean skipBadFiles) {
        return assertThrows(GerbilException.class, () -> prepare(badDocuments, skipBadFiles)).getMessage();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void badDocumentsAreCountedAndNamedUpToTheLimit() throws IOException {
        ByteArrayOutputStream lines = new ByteArrayOutputStream();
        lines.write(bytes("{\"text\": \"fine\"}\n{\"text\": \n\n[]\n{\"txet\": \"x\"}\n{\"text\": 5}\n"
                + "{\"text\": \"a\"} x\n{\"text\": \"\"}\n{\"text\": \" \\n\\t\"}\n{\"text\": \""));
        lines.write(new byte[] {(byte) 0xFC, (byte) 0x80, '"', '}'});
        Files.write(texts.resolve("bad.jsonl"), lines.toByteArray());
        Files.write(texts.resolve("picture.png"), new byte[] {(byte) 0x89, 'P', 'N', 'G', 0});
        Files.writeString(texts.resolve("blank.txt"), " \n\u3000");

        assertTrue(refusal(6, false).matches("(?s).*7 documents that cannot be read, the first of them .*"
                + "at most 6.*allow more bad documents.*"));
        PreparationReport report = prepare(7, false);
        assertEquals(7, report.bad());
        assertEquals(3, report.blank());
        assertEquals(501, report.documents());
        assertEquals(Set.of("bad.jsonl:2", "bad.jsonl:4", "bad.jsonl:5", "bad.jsonl:6", "bad.jsonl:7", "bad.jsonl:10",
                "picture.png"), report.defects().stream().map(Defect::place).collect(Collectors.toSet()));
        assertTrue(report.defects().stream().anyMatch(d -> d.line() == 10 && d.reason().equals("is not UTF-8")));
        assertTrue(report.defects().stream().anyMatch(d -> d.line() == 5 && d.reason().equals("has no text")));
    }

    @Test
    void truncatedFilesAreNamedAndSkippedOnlyIfAsked() throws IOException {
        for (String name : List.of("cut.jsonl.gz", "cut.jsonl.zst")) {
            ByteArrayOutputStream whole = new ByteArrayOutputStream();
            try (OutputStream out = name.endsWith("gz") ? new GZIPOutputStream(whole) : new ZstdOutputStream(whole)) {
                for (int i = 0; i < 150_000; i++) {
                    out.write(bytes("{\"text\": \"" + name + " " + i * 7919L % 150_001 + "\"}\n"));
                }
            }
            Files.write(texts.resolve(name), Arrays.copyOf(whole.toByteArray(), whole.size() - 1));
        }
        String message = refusal(0, false);
        assertTrue(message.matches("(?s).*cut.jsonl.(gz|zst) is damaged or cut off .*after line \\d+.*"), message);
        PreparationReport report = prepare(0, true);
        assertEquals(Set.of("cut.jsonl.gz", "cut.jsonl.zst"),
                report.badFiles().stream().map(Defect::file).collect(Collectors.toSet()));
        assertTrue(report.badFiles().stream().allMatch(d -> d.line() > 100_000), report.badFiles().toString());
    }

    @Test
    void whyThereIsNothingIsSaid() throws IOException {
        Files.delete(texts.resolve("good.jsonl"));
        Path lines = texts.resolve("a.jsonl");
        Files.write(lines, IntStream.range(0, 400).mapToObj(i -> "line " + i).toList());
        String message = refusal(400, false);
        assertTrue(message.contains("no training documents; 0 were read; 400 cannot be read, the first of them a.jsonl:"
                + "1, which is not JSON"), message);
        assertTrue(message.contains("mend these") && !message.contains("add documents"), message);

        Files.write(lines, Collections.nCopies(400, "{\"text\": \"again\"}"));
        message = refusal(0, false);
        assertTrue(message.contains("400 were read, 399 of them dropped as duplicates of others"), message);
        assertTrue(message.contains("differ from one another") && !message.contains("add documents"), message);

        Files.write(lines, Collections.nCopies(400, "{\"text\": \" \"}"));
        assertTrue(refusal(0, false).contains("0 were read; 400 are blank."), refusal(0, false));

        Files.writeString(lines, "{\"text\": \"one\"}\n", StandardCharsets.UTF_16);
        message = refusal(0, true);
        assertTrue(message.contains("0 were read; bad files: 1, the first of them a.jsonl, which is UTF-16"), message);

        Files.write(lines, List.of("{\"text\": \"one\"}", "{\"text\": \"two\"}"));
        message = refusal(0, false);
        assertTrue(message.contains("no held-out documents; 2 were read. Expected: both kinds"), message);

        Files.writeString(lines, "");
        message = refusal(0, false);
        assertTrue(message.contains("whose files are all empty"), message);
    }

    @Test
    void spelledTokensStayText() throws IOException {
        String text = "a<|endoftext|>b <causal> <fitm_start><multiple_tok_mask>";
        Files.writeString(texts.resolve("tokens.txt"), text);
        prepare(0, false);
        int ends = 0;
        PreparedTokens prepared = PreparedTokens.open(temp.resolve("out"));
        for (TokenSet set : List.of(prepared.train(), prepared.heldout())) {
            int[] ids = new int[Math.toIntExact(set.tokens())];
            set.read(0, ids);
            ends += (int) Arrays.stream(ids).filter(id -> id == 299).count();
        }
        assertEquals(501, ends);
    }

    @Test
    void subsetsAreCounted() throws IOException {
        Files.write(texts.resolve("pile.jsonl"), IntStream.range(0, 400).mapToObj(i -> Json.line(Map.of("text",
                "text " + i, "meta", Map.of("pile_set_name", i % 4 == 0 ? "Enron Emails" : "ArXiv")))).toList());
        Files.createDirectory(texts.resolve("letters"));
        Files.writeString(texts.resolve("letters/a.txt"), "a letter");
        prepare(0, false);
        PreparedTokens prepared = PreparedTokens.open(temp.resolve("out"));
        TokenSetManifest train = prepared.train().manifest();
        TokenSetManifest heldOut = prepared.heldout().manifest();
        assertEquals(100, train.subsets().get("Enron Emails").documents()
                + heldOut.subsets().getOrDefault("Enron Emails", new TokenSetManifest.Subset(0, 0, 0)).documents());
        assertTrue(train.subsets().containsKey("letters") || heldOut.subsets().containsKey("letters"));
        assertEquals(train.tokens(), train.subsets().values().stream().mapToLong(s -> s.tokens()).sum());
        assertEquals(train.textBytes(), train.subsets().values().stream().mapToLong(s -> s.textBytes()).sum());
    }

    /** 100 MB in one document, and 200 MB, which is more than one may have, in less than a gigabyte. */
    @Test
    void hugeDocumentsAreEncodedOrCounted() throws Exception {
        huge("huge.jsonl", 100);
        huge("too-long.jsonl", 200);
        Process child = Child.start(List.of("-Xmx850m", "-XX:+UseSerialGC"), Huge.class, texts.toString(),
                temp.resolve("out").toString());
        String peak = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertEquals(0, child.waitFor());
        PreparationReport report = PreparationReport.of(temp.resolve("out")).orElseThrow();
        assertEquals(List.of("too-long.jsonl:2"), report.defects().stream().map(Defect::place).toList());
        assertEquals(503, report.documents());
        assertTrue(Long.parseLong(peak) < 1_000_000, peak + " kB resident at most");
    }

    private void huge(String name, int megabytes) throws IOException {
        try (BufferedWriter out = Files.newBufferedWriter(texts.resolve(name))) {
            out.write("{\"text\": \"before " + name + "\"}\n{\"text\": \"");
            String text = "All work and no play makes Jack a dull boy. ".repeat(1_000_000 / 44 + 1)
                    .substring(0, 1_000_000);
            for (int i = 0; i < megabytes; i++) {
                out.write(text);
            }
            out.write("\"}\n");
        }
    }

    static final class Huge {

        private Huge() {
        }

        public static void main(String[] args) throws IOException {
            Preparation.prepare(TextFolder.open(Path.of(args[0])), Vocabulary.cut(1_024), Path.of(args[1]), ALL, ALL, 0,
                    Screening.DEFAULT, Progress.NONE);
            System.out.println(Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmHWM")).findFirst().orElseThrow().replaceAll("\\D", ""));
        }
    }
}
