package gerbil.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.github.luben.zstd.ZstdOutputStream;
import gerbil.Campaign;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;
import gerbil.corpus.Deduplication;
import gerbil.corpus.TextFolder;
import gerbil.tokenizer.Texts;
import gerbil.tokenizer.Vocabulary;
import gerbil.train.Child;
import gerbil.train.Kills;
import gerbil.train.PowerCuts;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;

/** However a preparation is stopped, it goes on and ends with the files of one that was not, byte for byte. */
class InterruptedPreparationTest {

    private static final Screening SCREENING = new Screening(Deduplication.NEAR, 100, true);
    private static final int DOCUMENTS = 3_000;

    @TempDir
    private static Path shared;
    private static Map<String, String> expected;

    @TempDir
    private Path temp;
    private Path out;

    @BeforeAll
    static void prepareWithoutStopping() throws IOException {
        Path texts = Files.createDirectory(shared.resolve("texts"));
        Random random = new Random(3);
        List<String> sources = Texts.ownSources().subList(0, 200); // the fewer, the more often each
        try (OutputStream plain = Files.newOutputStream(texts.resolve("a.jsonl"));
             OutputStream zstd = new ZstdOutputStream(Files.newOutputStream(texts.resolve("b.jsonl.zst")));
             OutputStream gzip = new GZIPOutputStream(Files.newOutputStream(texts.resolve("c.jsonl.gz")))) {
            for (int i = 0; i < DOCUMENTS; i++) {
                String text = (i % 10 == 0 ? "" : i + " ") + sources.get(random.nextInt(sources.size()))
                        .replace("int", random.nextInt(3) == 0 ? "int" + i : "int");
                String line = i % 700 == 5 ? "no JSON" : Json.line(Map.of("text", text));
                (i % 3 == 0 ? plain : i % 3 == 1 ? zstd : gzip).write((line + "\n").getBytes(StandardCharsets.UTF_8));
            }
        }
        for (int i = 0; i < 600; i++) {
            Files.writeString(texts.resolve(i + ".txt"), i + sources.get(i % sources.size()));
        }
        byte[] parquet = Files.readAllBytes(Path.of("src/test/resources/parquet/zstd.parquet"));
        Files.write(texts.resolve("d.parquet"), parquet);
        Files.write(texts.resolve("e.parquet"), Arrays.copyOf(parquet, parquet.length / 2));
        expected = content(preparation(Duration.ofHours(1), Progress.NONE).into(shared.resolve("whole")));
    }

    @BeforeEach
    void choose() {
        out = temp.resolve("out");
    }

    private static Preparation preparation(Duration betweenStates, Progress progress) {
        return preparation(Long.MAX_VALUE, 5, betweenStates, progress);
    }

    private static Preparation preparation(long trainTokens, long seed, Duration betweenStates, Progress progress) {
        return new Preparation(TextFolder.open(shared.resolve("texts")), Vocabulary.cut(1_024), trainTokens,
                Long.MAX_VALUE, seed, SCREENING, progress, 2, betweenStates);
    }

    private static Map<String, String> content(PreparedTokens prepared) throws IOException {
        Path folder = prepared.train().folder().getParent();
        Map<String, String> content = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(folder)) {
            for (Path file : (Iterable<Path>) walk.filter(Files::isRegularFile)::iterator) {
                content.put(folder.relativize(file).toString(), Sha256.hex(file));
            }
        }
        return content;
    }

    private void assertEndsAsTheWholeOne() throws IOException {
        assertEquals(expected, content(preparation(Duration.ZERO, Progress.NONE).into(out)));
        assertFalse(Files.exists(temp.resolve("out.partial")));
    }

    @Test
    void theWholeOneIsWhatThisTestNeeds() throws IOException {
        PreparationReport report = PreparationReport.of(shared.resolve("whole")).orElseThrow();
        assertTrue(report.exactDuplicates() > 50 && report.nearDuplicates() > 50 && report.bad() == 5,
                report.toString());
        assertEquals(1, report.badFiles().size());
        assertEquals(5, expected.size());
    }

    @Test
    void killedAgainAndAgain() throws Exception {
        Kills kills = new Kills() {

            @Override
            protected Process start() throws IOException {
                return Child.start(List.of("-Xmx512m", "-XX:TieredStopAtLevel=1"), Killed.class, shared.toString(),
                        out.toString());
            }

            @Override
            protected void killed(List<String> said) throws IOException {
                assertTrue(!Files.exists(out) || content(PreparedTokens.open(out)).equals(expected), "all or nothing");
            }

            @Override
            protected void done() throws IOException {
                assertEquals(expected, content(PreparedTokens.open(out)));
                assertFalse(Files.exists(temp.resolve("out.partial")));
                WholeFile.delete(out);
            }
        };
        int count = Campaign.many("kills.preparation", 6);
        kills.run(count);
        Campaign.report("SIGKILL while data is prepared", count + " kills; " + kills.works()
                + " preparations to the end, all with the same bytes");
    }

    /** Takes its time, so that kills may fall anywhere. */
    static final class Killed {

        private Killed() {
        }

        public static void main(String[] args) {
            shared = Path.of(args[0]);
            preparation(Duration.ZERO, (what, done, total, unit) -> {
                System.out.println(done);
                try {
                    Thread.sleep(100);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }).into(Path.of(args[1]));
            System.out.println("done");
        }
    }

    @Test
    void thePowerFails() throws Exception {
        PowerCuts cuts = new PowerCuts(temp) {

            @Override
            protected void cut(Path disk, String said) throws IOException {
                out = disk.resolve("out");
                assertTrue(Files.exists(out) || !said.contains("done"));
                assertEquals(expected, content(preparation(Duration.ofHours(1), Progress.NONE).into(out)));
                assertFalse(Files.exists(disk.resolve("out.partial")));
            }
        };
        Campaign.report("Power cut while data is prepared", cuts.run(Campaign.many("kills", 10), Killed.class,
                shared.toString(), cuts.disk().resolve("out").toString()) + "; from all of them it ends with the same bytes");
    }

    @Test
    void interruptedAgainAndAgain() throws IOException {
        for (int stop : new int[] {0, 0, 1, 0}) {
            int[] updates = {stop};
            assertThrows(GerbilException.class, () -> preparation(Duration.ZERO, (what, done, total, unit) -> {
                if (updates[0]-- == 0) {
                    Thread.currentThread().interrupt();
                }
            }).into(out));
            assertTrue(Thread.interrupted());
            assertTrue(Files.exists(temp.resolve("out.partial/state.json")));
        }
        assertEndsAsTheWholeOne();
    }

    @Test
    void whatIsLeftOfAFinishedOneGoes() throws IOException {
        assertEndsAsTheWholeOne();
        Files.createDirectories(temp.resolve("out.partial/copies"));
        assertEndsAsTheWholeOne();
        assertFalse(Files.exists(temp.resolve("out.lock")));
    }

    @Test
    void aChangedCorpusIsNotGoneOnWith() throws IOException {
        assertThrows(GerbilException.class, () -> preparation(Duration.ZERO, (what, done, total, unit) ->
                Thread.currentThread().interrupt()).into(out));
        assertTrue(Thread.interrupted());
        String message = assertThrows(GerbilException.class,
                () -> preparation(Long.MAX_VALUE, 6, Duration.ZERO, Progress.NONE).into(out)).getMessage();
        assertTrue(message.contains("tokens begun otherwise in " + temp.resolve("out.partial")), message);
        assertEndsAsTheWholeOne();
    }

    @Test
    void aFullDiskIsExplainedAndWithMoreRoomItGoesOn() throws Exception {
        Path disk = Files.createDirectory(temp.resolve("disk"));
        assumeTrue(Child.succeeds("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk.toString()),
                "only root may mount the small disk that this test fills");
        try {
            out = disk.resolve("out");
            String message = assertThrows(GerbilException.class,
                    () -> preparation(Duration.ZERO, Progress.NONE).into(out)).getMessage();
            assertTrue(message.contains("no space left on the disk of " + disk)
                    && message.contains("room for 2 bytes a token"), message);
            assertFalse(Files.exists(out));
            String limited = assertThrows(GerbilException.class, () -> preparation(50_000_000, 5, Duration.ZERO,
                    Progress.NONE).into(disk.resolve("limited"))).getMessage();
            assertTrue(limited.contains("room for about 100.0 MB"), limited);
            assertTrue(Child.succeeds("mount", "-o", "remount,size=100m", disk.toString()));
            assertEquals(expected, content(preparation(Duration.ZERO, Progress.NONE).into(out)));
        } finally {
            assertTrue(Child.succeeds("umount", "-l", disk.toString()), "shards stay open, so that it goes when they do");
        }
    }
}
