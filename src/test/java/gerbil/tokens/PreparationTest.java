package gerbil.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.base.Progress;
import gerbil.corpus.Corpus;
import gerbil.corpus.Document;
import gerbil.corpus.HeldOut;
import gerbil.corpus.Provenance;
import gerbil.corpus.Slice;
import gerbil.corpus.TextFolder;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

class PreparationTest {

    private static final Vocabulary NANO = Vocabulary.cut(1_024);
    private static final int DOCUMENTS = 1_000;
    private static final long ALL = Long.MAX_VALUE;

    @TempDir
    Path temp;
    private Path texts;
    private Path out;

    @BeforeEach
    void writeCorpus() throws IOException {
        texts = Files.createDirectory(temp.resolve("texts"));
        out = temp.resolve("out");
        Random random = new Random(1);
        Files.write(texts.resolve("a.jsonl"), IntStream.range(0, DOCUMENTS)
                .mapToObj(i -> "{\"text\": \"document " + i + random.ints(random.nextInt(200), 0, 999)
                        .mapToObj(word -> " word" + word).collect(Collectors.joining()) + "\"}").toList());
    }

    private PreparedTokens prepare(Path folder, long train, long heldOut, long seed, int threads) {
        return new Preparation(TextFolder.open(texts), NANO, train, heldOut, seed, Screening.DEFAULT, Progress.NONE,
                threads, Duration.ZERO).into(folder);
    }

    private static String refusal(Executable action) {
        return assertThrows(GerbilException.class, action).getMessage();
    }

    private static Map<String, List<Byte>> content(Path folder) throws IOException {
        Map<String, List<Byte>> content = new HashMap<>();
        try (Stream<Path> walk = Files.walk(folder)) {
            for (Path file : (Iterable<Path>) walk.filter(Files::isRegularFile)::iterator) {
                List<Byte> bytes = new ArrayList<>();
                for (byte b : Files.readAllBytes(file)) {
                    bytes.add(b);
                }
                content.put(folder.relativize(file).toString(), bytes);
            }
        }
        return content;
    }

    private static List<String> documents(TokenSet set) {
        int[] ids = new int[Math.toIntExact(set.tokens())];
        set.read(0, ids);
        return List.of(new Tokenizer(NANO).decode(ids).split("<\\|endoftext\\|>"));
    }

    @Test
    void filesAreTheSameForAnyNumberOfThreads() throws IOException {
        prepare(temp.resolve("one"), 30_000, 1_000, 3, 1);
        prepare(temp.resolve("five"), 30_000, 1_000, 3, 5);
        Map<String, List<Byte>> one = content(temp.resolve("one"));
        assertEquals(5, one.size());
        assertEquals(one, content(temp.resolve("five")));
    }

    @Test
    void tokensMayLieBehindALink() throws IOException {
        prepare(out, 30_000, 1_000, 3, 1);
        Path tokens = Files.createSymbolicLink(temp.resolve("tokens"),
                Files.createDirectories(temp.resolve("disk/tokens")));
        prepare(tokens.resolve("mine"), 30_000, 1_000, 3, 1);
        Path mine = Files.createSymbolicLink(temp.resolve("mine"), Files.createDirectory(temp.resolve("disk/mine")));
        prepare(mine, 30_000, 1_000, 3, 1);
        prepare(mine, 30_000, 1_000, 3, 1);
        assertTrue(Files.isSymbolicLink(mine));
        assertEquals(content(out), content(temp.resolve("disk/mine")));
        assertEquals(content(out), content(temp.resolve("disk/tokens/mine")));
        try (Stream<Path> left = Files.list(temp.resolve("disk"))) {
            assertEquals(Set.of("mine", "tokens"),
                    left.map(f -> f.getFileName().toString()).collect(Collectors.toSet()));
        }
        Path nowhere = Files.createSymbolicLink(temp.resolve("nowhere"), temp.resolve("none"));
        assertTrue(refusal(() -> prepare(nowhere, 30_000, 1_000, 3, 1)).contains(nowhere + ", a link to "));
    }

    @Test
    void everyDocumentIsInTheSplitOfItsTextInTheCorpusOrder() {
        PreparedTokens prepared = prepare(out, ALL, ALL, 3, 2);
        try (Stream<Document> documents = TextFolder.open(texts).documents(3)) {
            Map<Boolean, List<String>> expected = documents.collect(Collectors.partitioningBy(HeldOut::contains,
                    Collectors.mapping(Document::text, Collectors.toList())));
            assertFalse(expected.get(true).isEmpty());
            assertEquals(expected.get(false), documents(prepared.train()));
            assertEquals(expected.get(true), documents(prepared.heldout()));
        }
        assertEquals(DOCUMENTS, prepared.train().manifest().documents() + prepared.heldout().manifest().documents());
    }

    @Test
    void stopsWithTheDocumentThatReachesTheLimit() {
        List<String> all = documents(prepare(temp.resolve("all"), ALL, ALL, 3, 2).train());
        PreparedTokens few = prepare(out, 20_000, 500, 3, 2);
        List<String> train = documents(few.train());
        assertEquals(all.subList(0, train.size()), train);
        long last = new Tokenizer(NANO).encode(train.get(train.size() - 1)).length + 1;
        assertTrue(few.train().tokens() >= 20_000 && few.train().tokens() - last < 20_000);
        assertTrue(few.heldout().tokens() >= 500);
    }

    @Test
    void heldOutDocumentsDoNotDependOnHowMuchIsTrainedOn() {
        String heldOut = prepare(temp.resolve("all"), ALL, 700, 3, 2).heldout().hash();
        assertEquals(heldOut, prepare(out, 1_000, 700, 3, 2).heldout().hash());
    }

    @Test
    void seedChangesTheOrder() {
        assertNotEquals(prepare(out, ALL, ALL, 3, 2).train().hash(),
                prepare(temp.resolve("other"), ALL, ALL, 4, 2).train().hash());
    }

    @Test
    void finishedSetIsReusedWithoutReadingTheCorpus() throws IOException {
        String hash = prepare(out, 5_000, 500, 3, 2).train().hash();
        Corpus unread = new UnreadableCorpus(TextFolder.open(texts));
        PreparedTokens again = Preparation.prepare(unread, NANO, out, 5_000, 500, 3, Progress.NONE);
        assertEquals(hash, again.train().hash());
    }

    private record UnreadableCorpus(Corpus corpus) implements Corpus {

        @Override
        public String name() {
            return corpus.name();
        }

        @Override
        public String identity() {
            return corpus.identity();
        }

        @Override
        public Stream<Slice> slices(long seed) {
            throw new AssertionError("the corpus was read");
        }

        @Override
        public Provenance provenance() {
            throw new AssertionError("the corpus was read");
        }

        @Override
        public Provenance provenance(Collection<String> files) {
            throw new AssertionError("the corpus was read");
        }
    }

    @Test
    void refusesAFolderWithOtherTokens() throws IOException {
        prepare(out, 5_000, 500, 3, 2);
        Map<String, List<Byte>> before = content(out);
        assertTrue(refusal(() -> prepare(out, 5_000, 500, 4, 2)).contains("tokens of seed 3"));
        assertTrue(refusal(() -> prepare(out, 6_000, 500, 3, 2)).contains("tokens of token limit 5000"));
        assertTrue(refusal(() -> prepare(out, 5_000, 600, 3, 2)).contains("tokens of token limit 500"));
        assertTrue(refusal(() -> Preparation.prepare(TextFolder.open(texts), Vocabulary.cut(300), out, 5_000, 500, 3,
                Progress.NONE)).contains("tokens of the vocabulary gpt2-1024"));
        Files.writeString(texts.resolve("b.txt"), "one more");
        assertTrue(refusal(() -> prepare(out, 5_000, 500, 3, 2)).contains("tokens of corpus"));
        assertEquals(before, content(out));
    }

    @Test
    void refusesAFolderWithOtherFiles() throws IOException {
        Files.writeString(Files.createDirectory(out).resolve("thesis.txt"), "precious");
        assertTrue(refusal(() -> prepare(out, 5_000, 500, 3, 2)).contains("has content"));
        assertEquals("precious", Files.readString(out.resolve("thesis.txt")));
    }

    @Test
    void aSecondJobIsRefusedWhileOneWrites() throws IOException {
        List<String> refusals = new ArrayList<>();
        PreparedTokens prepared = Preparation.prepare(TextFolder.open(texts), NANO, out, 9_000, 500, 3,
                (what, done, total, unit) -> refusals.add(refusal(() -> prepare(out, 9_000, 500, 3, 1))));
        assertTrue(refusals.get(0).contains(out + " is being written by another job"), refusals.get(0));
        assertTrue(prepared.train().tokens() >= 9_000);
        try (Stream<Path> left = Files.list(temp)) {
            assertEquals(Set.of(texts, out), left.collect(Collectors.toSet()));
        }
    }

    @Test
    void refusesACorpusWithoutHeldOutDocuments() throws IOException {
        Files.writeString(texts.resolve("a.jsonl"), "{\"text\": \"only one\"}");
        assertTrue(refusal(() -> prepare(out, ALL, ALL, 3, 2)).contains("has no held-out documents"));
        assertFalse(Files.exists(out));
    }

    @Test
    void reportsProgressInTrainingTokens() {
        List<Long> reports = new ArrayList<>();
        PreparedTokens prepared = Preparation.prepare(TextFolder.open(texts), NANO, out, 9_000, 500, 3,
                (what, done, total, unit) -> reports.add(done * 1_000_000 + total));
        assertEquals(prepared.train().tokens() * 1_000_000 + 9_000, reports.get(reports.size() - 1));
    }
}
