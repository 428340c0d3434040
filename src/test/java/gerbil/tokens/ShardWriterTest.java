package gerbil.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.Sha256;
import gerbil.tokenizer.IdBuffer;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.TokenSetManifest.Shard;
import gerbil.tokens.TokenSetManifest.Subset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Eight documents of three million ids: a whole shard and a part of one, with the border inside the sixth. */
class ShardWriterTest {

    private static final Vocabulary BYTES = Vocabulary.cut(257);
    private static final int DOCUMENTS = 8;
    private static final int LENGTH = 3_000_000;
    private static final long TOKENS = DOCUMENTS * (LENGTH + 1L);
    private static final IdBuffer IDS = new IdBuffer();

    @TempDir
    private static Path whole;
    private static ShardWriter.State expected;

    @TempDir
    private Path folder;

    @BeforeAll
    static void writeWithoutStopping() throws IOException {
        byte[] text = new byte[LENGTH + DOCUMENTS];
        Random random = new Random(1);
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) random.nextInt(' ', '~');
        }
        new Tokenizer(BYTES).encode(text, IDS);
        try (ShardWriter writer = new ShardWriter(whole, BYTES.endOfText(), ShardWriter.State.BEGIN)) {
            add(writer, 0, DOCUMENTS);
            expected = writer.finish(counts(DOCUMENTS));
        }
    }

    private static void add(ShardWriter writer, int from, int to) throws IOException {
        for (int document = from; document < to; document++) {
            writer.add(IDS, document, document + LENGTH);
        }
    }

    private static SplitCounts counts(int documents) {
        SplitCounts counts = new SplitCounts();
        for (int i = 0; i < documents; i++) {
            counts.add(i % 2 == 0 ? "even" : "odd", new Subset(1, LENGTH + 1, LENGTH));
        }
        return counts;
    }

    @Test
    void shardsAreFullButTheLastAndTheirChecksumsAreTheFiles() throws IOException {
        Path first = whole.resolve("shard-00000.bin");
        Path second = whole.resolve("shard-00001.bin");
        assertEquals(List.of(new Shard("shard-00000.bin", 1 << 24, 1 << 25, Sha256.hex(first)),
                new Shard("shard-00001.bin", TOKENS - (1 << 24), 2 * TOKENS - (1 << 25), Sha256.hex(second))),
                expected.shards());
        assertEquals(1 << 25, Files.size(first));
        assertEquals(2 * TOKENS - (1 << 25), Files.size(second));
    }

    @Test
    void idsAreTheDocumentsOneAfterAnother() throws IOException {
        ByteBuffer ids = ByteBuffer.allocate((int) (2 * TOKENS)).order(ByteOrder.LITTLE_ENDIAN);
        ids.put(Files.readAllBytes(whole.resolve("shard-00000.bin")))
                .put(Files.readAllBytes(whole.resolve("shard-00001.bin"))).flip();
        for (int document = 0; document < DOCUMENTS; document++) {
            char[] written = new char[LENGTH];
            char[] wanted = new char[LENGTH];
            for (int i = 0; i < LENGTH; i++) {
                written[i] = ids.getChar();
                wanted[i] = (char) IDS.get(document + i);
            }
            assertArrayEquals(wanted, written);
            assertEquals(BYTES.endOfText(), ids.getChar());
        }
    }

    @Test
    void countsAreOfAllAndOfEachSubset() {
        assertEquals(TOKENS, expected.tokens());
        assertEquals(DOCUMENTS, expected.documents());
        assertEquals((long) DOCUMENTS * LENGTH, expected.textBytes());
        Subset half = new Subset(DOCUMENTS / 2, TOKENS / 2, DOCUMENTS / 2 * LENGTH);
        assertEquals(Map.of("even", half, "odd", half), expected.subsets());
    }

    /** What was written after the state is written again. */
    @ParameterizedTest
    @ValueSource(ints = {0, 2, 5, 6, 7})
    void goesOnFromAState(int documents) throws IOException {
        ShardWriter.State state;
        try (ShardWriter writer = new ShardWriter(folder, BYTES.endOfText(), ShardWriter.State.BEGIN)) {
            add(writer, 0, documents);
            state = writer.state(counts(documents));
            add(writer, 3, 4);
        }
        try (ShardWriter writer = new ShardWriter(folder, BYTES.endOfText(), state)) {
            add(writer, documents, DOCUMENTS);
            assertEquals(expected, writer.finish(counts(DOCUMENTS)));
        }
        for (Shard shard : expected.shards()) {
            assertEquals(-1, Files.mismatch(whole.resolve(shard.file()), folder.resolve(shard.file())));
        }
    }

    @Test
    void aShardThatHasLostIdsIsNotGoneOnWith() throws IOException {
        ShardWriter.State state;
        try (ShardWriter writer = new ShardWriter(folder, BYTES.endOfText(), ShardWriter.State.BEGIN)) {
            add(writer, 0, 1);
            state = writer.state(counts(1));
        }
        Files.write(folder.resolve("shard-00000.bin"), new byte[LENGTH]);
        String message = assertThrows(EOFException.class,
                () -> new ShardWriter(folder, BYTES.endOfText(), state)).getMessage();
        assertTrue(message.contains("shard-00000.bin is shorter than it was"), message);
    }
}
