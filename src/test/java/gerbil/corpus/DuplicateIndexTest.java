package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class DuplicateIndexTest {

    @TempDir
    Path temp;

    private static Fingerprint near(String text) {
        return Fingerprint.of(text, Deduplication.NEAR);
    }

    private static List<String> words(Random random, int count) {
        return random.ints(count, 0, 5_000).mapToObj(i -> "word" + i).toList();
    }

    /** Jaccard similarity of the sets of five words in a row. */
    private static double jaccard(List<String> one, List<String> other) {
        Set<List<String>> a = shingles(one);
        Set<List<String>> b = shingles(other);
        Set<List<String>> both = new HashSet<>(a);
        both.retainAll(b);
        return (double) both.size() / (a.size() + b.size() - both.size());
    }

    private static Set<List<String>> shingles(List<String> words) {
        return IntStream.rangeClosed(0, words.size() - 5).mapToObj(i -> words.subList(i, i + 5))
                .collect(Collectors.toSet());
    }

    private static List<String> changed(List<String> words, int changes, Random random) {
        List<String> changed = new ArrayList<>(words);
        for (int i = 0; i < changes; i++) {
            changed.set(random.nextInt(changed.size()), "other" + random.nextInt());
        }
        return changed;
    }

    @Test
    void estimatesAreNearTheTruth() {
        Random random = new Random(1);
        double squares = 0;
        int pairs = 300;
        for (int i = 0; i < pairs; i++) {
            List<String> one = words(random, 50 + random.nextInt(500));
            List<String> other = changed(one, random.nextInt(12), random);
            double estimate = DuplicateIndex.similarity(
                    DuplicateIndex.signature(near(String.join(" ", one))),
                    DuplicateIndex.signature(near(String.join(", ", other).toUpperCase())));
            squares += Math.pow(estimate - jaccard(one, other), 2);
        }
        double error = Math.sqrt(squares / pairs);
        assertTrue(error < 0.045, "root mean square error " + error + "; 128 bins promise 0.04");
    }

    @Test
    void findsNearCopiesAndLeavesOthers() throws IOException {
        Random random = new Random(2);
        int similar = 0;
        int found = 0;
        try (DuplicateIndex index = new DuplicateIndex(temp, Deduplication.NEAR, 0)) {
            for (int i = 0; i < 1_000; i++) {
                List<String> one = words(random, 300);
                List<String> other = changed(one, 1 + random.nextInt(20), random);
                assertEquals(Optional.empty(), index.add("one" + i, near(String.join(" ", one))));
                Optional<DuplicateIndex.Duplicate> duplicate = index.add("other" + i, near(String.join(" ", other)));
                double truth = jaccard(one, other);
                if (truth > 0.95) {
                    similar++;
                    found += duplicate.isPresent() ? 1 : 0;
                }
                duplicate.ifPresent(c -> assertTrue(truth > 0.7 && !c.exact(), c + " at " + truth));
                String expected = "one" + i;
                duplicate.ifPresent(c -> assertEquals(expected, c.of()));
            }
        }
        assertTrue(similar > 30 && found >= 0.98 * similar, found + " of " + similar);
    }

    @Test
    void exactDuplicatesMayDifferInWhitespaceAtLineEnds() throws IOException {
        try (DuplicateIndex index = new DuplicateIndex(temp, Deduplication.EXACT, 0)) {
            for (String text : List.of("a\nb", "a b", "a\n b", "ab", "a\n\nb", "b\na", "\na\nb", "")) {
                assertEquals(Optional.empty(), index.add(text, Fingerprint.of(text, Deduplication.EXACT)), text);
            }
            for (String text : List.of("a\nb", "a  \r\nb", "a\nb \t")) {
                assertEquals(Optional.of(new DuplicateIndex.Duplicate("x", "a\nb", true, 1)),
                        index.add("x", Fingerprint.of(text, Deduplication.EXACT)));
            }
        }
    }

    @Test
    void tinyTextsHaveFingerprintsToo() throws IOException {
        try (DuplicateIndex index = new DuplicateIndex(temp, Deduplication.NEAR, 0)) {
            for (String text : List.of("", "!", "?", "a", "a b", "日本語", "!!!", "one two three four five six")) {
                assertEquals(Optional.empty(), index.add("'" + text + "'", near(text)));
            }
            assertEquals("'a b'", index.add("again", near("a, b")).orElseThrow().of());
        }
    }

    @Test
    void growsAndGoesOnFromAnEarlierState() throws IOException {
        int documents = 60_000;
        long[] keys = new Random(4).longs(documents).toArray();
        int stopped = 0;
        try (DuplicateIndex index = new DuplicateIndex(temp, Deduplication.EXACT, 0)) {
            for (int i = 0; i < documents; i++) {
                assertEquals(i % 10 == 9, index.add("d" + i, exact(keys, i)).isPresent());
                if (i == 40_000) {
                    index.flush();
                    stopped = index.documents();
                }
            }
        }
        try (DuplicateIndex index = new DuplicateIndex(temp, Deduplication.EXACT, stopped)) {
            for (int i = stopped; i < documents; i++) {
                Optional<DuplicateIndex.Duplicate> duplicate = index.add("d" + i, exact(keys, i));
                assertEquals(i % 10 == 9, duplicate.isPresent());
                if (i % 10 == 9) {
                    assertEquals("d" + original(i), duplicate.orElseThrow().of());
                }
            }
        }
        assertTrue(Files.size(temp.resolve("table.bin")) < 40L * documents);
    }

    @ParameterizedTest
    @ValueSource(strings = {"documents.bin", "ids.bin", "table.bin"})
    void whatIsTooShortIsRefused(String file) throws IOException {
        add(0, 100);
        add(100, 101);
        try (FileChannel channel = FileChannel.open(temp.resolve(file), StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() / 3);
        }
        assertRefused(101);
        Files.write(temp.resolve(file), new byte[0]);
        assertRefused(101);
    }

    /** In which a key would be looked for without end. */
    @Test
    void aTableWithoutRoomIsRefused() throws IOException {
        add(0, 100);
        byte[] full = new byte[(int) Files.size(temp.resolve("table.bin"))];
        Arrays.fill(full, (byte) 1);
        Files.write(temp.resolve("table.bin"), full);
        assertRefused(100);
    }

    @Test
    void idsThatEndBeforeTheyBeginAreRefused() throws IOException {
        add(0, 100);
        byte[] documents = Files.readAllBytes(temp.resolve("documents.bin"));
        Arrays.fill(documents, 0, documents.length - Long.BYTES, (byte) 0x7F);
        Files.write(temp.resolve("documents.bin"), documents);
        assertRefused(100);
    }

    private void add(int from, int to) throws IOException {
        long[] keys = new Random(4).longs(to).toArray();
        try (DuplicateIndex index = new DuplicateIndex(temp, Deduplication.EXACT, from)) {
            for (int i = from; i < to; i++) {
                index.add("d" + i, exact(keys, i));
            }
            index.flush();
        }
    }

    private void assertRefused(int documents) {
        String message = assertThrows(GerbilException.class, () -> add(documents, documents + 100)).getMessage();
        assertTrue(message.contains("index of duplicates, " + temp) && message.contains(".partial"), message);
    }

    /** Every tenth document is a duplicate of one long before. */
    private static Fingerprint exact(long[] keys, int i) {
        return new Fingerprint(keys[i % 10 == 9 ? original(i) : i], null);
    }

    private static int original(int i) {
        return i / 2 - (i / 2 % 10 == 9 ? 1 : 0);
    }
}
