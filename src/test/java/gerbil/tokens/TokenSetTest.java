package gerbil.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

class TokenSetTest {

    private static final Vocabulary GPT2 = Vocabulary.gpt2();
    private static final int[] FIRST = {1, 50_255, 32_768};
    private static final int[] SECOND = IntStream.range(300, 320).toArray();

    @TempDir
    Path temp;
    private Path folder;

    @BeforeEach
    void writeTwoDocumentsInShardsOfSevenTokens() {
        folder = temp.resolve("set");
        write(folder, FIRST, SECOND);
    }

    private static TokenSet write(Path folder, int[]... documents) {
        return SmallTokenSet.write(folder, GPT2, 7, documents);
    }

    private static String refusal(Executable action) {
        return assertThrows(GerbilException.class, action).getMessage();
    }

    @Test
    void anInterruptedThreadReadsAndLeavesTheSetToOthers() {
        TokenSet set = TokenSet.open(folder);
        int[] read = new int[3];
        Thread.currentThread().interrupt();
        set.read(0, read);
        assertTrue(Thread.interrupted());
        assertArrayEquals(FIRST, read);

        set.read(0, read);
        assertArrayEquals(FIRST, read);
    }

    @Test
    void readsBackWhatWasWrittenAcrossShards() {
        int[] all = Stream.of(FIRST, new int[] {50_256}, SECOND, new int[] {50_256}).flatMapToInt(Arrays::stream)
                .toArray();
        TokenSet set = TokenSet.open(folder).requireVocabulary(GPT2);

        assertEquals(25, set.tokens());
        for (int from = 0; from <= all.length; from++) {
            for (int to = from; to <= all.length; to++) {
                int[] read = new int[to - from];
                set.read(from, read);
                assertArrayEquals(Arrays.copyOfRange(all, from, to), read);
            }
        }
    }

    @Test
    void refusesToReadOutside() {
        TokenSet set = TokenSet.open(folder);
        assertThrows(IndexOutOfBoundsException.class, () -> set.read(24, new int[2]));
        assertThrows(IndexOutOfBoundsException.class, () -> set.read(-1, new int[1]));
    }

    @Test
    void shardsAreLittleEndianUint16() throws IOException {
        byte[] bytes = Files.readAllBytes(folder.resolve("shard-00000.bin"));
        assertArrayEquals(new byte[] {1, 0, 0x4f, (byte) 0xc4, 0, (byte) 0x80, 0x50, (byte) 0xc4},
                Arrays.copyOf(bytes, 8));
    }

    @Test
    void manifestSaysWhatTheSetIs() {
        TokenSetManifest manifest = TokenSet.open(folder).manifest();
        assertEquals(GPT2.sha256(), manifest.tokenizerSha256());
        assertEquals("gpt2", manifest.tokenizer());
        assertEquals(50_257, manifest.vocabularySize());
        assertEquals("train", manifest.split());
        assertEquals(5, manifest.seed());
        assertEquals(25, manifest.tokens());
        assertEquals(2, manifest.documents());
        assertEquals(200, manifest.textBytes());
        assertEquals(SmallTokenSet.CORPUS, manifest.corpus());
        assertEquals(List.of(7L, 7L, 7L, 4L), manifest.shards().stream().map(TokenSetManifest.Shard::tokens).toList());
    }

    @Test
    void hashFollowsTheIds() {
        assertEquals(TokenSet.open(folder).hash(), write(temp.resolve("same"), FIRST, SECOND).hash());
        assertNotEquals(TokenSet.open(folder).hash(), write(temp.resolve("other"), SECOND, FIRST).hash());
    }

    @Test
    void namesATruncatedShard() throws IOException {
        Path shard = folder.resolve("shard-00001.bin");
        Files.write(shard, Arrays.copyOf(Files.readAllBytes(shard), 13));
        String message = refusal(() -> TokenSet.open(folder));
        assertTrue(message.contains("shard-00001.bin has 13 bytes") && message.contains("14 bytes"), message);
    }

    @Test
    void namesAMissingShard() throws IOException {
        Files.delete(folder.resolve("shard-00002.bin"));
        assertTrue(refusal(() -> TokenSet.open(folder)).contains("shard-00002.bin"));
    }

    @Test
    void namesAShardWithAnotherChecksum() throws IOException {
        Path shard = folder.resolve("shard-00003.bin");
        byte[] bytes = Files.readAllBytes(shard);
        bytes[3] ^= 1;
        Files.write(shard, bytes);
        TokenSet set = TokenSet.open(folder);
        set.read(0, new int[21]);
        assertTrue(refusal(() -> set.read(20, new int[2])).contains("shard-00003.bin has SHA-256"));
    }

    @Test
    void refusesAnotherVocabulary() {
        String message = refusal(() -> TokenSet.open(folder).requireVocabulary(Vocabulary.cut(1_024)));
        assertTrue(message.contains("vocabulary gpt2 ") && message.contains("vocabulary gpt2-1024 "), message);
    }

    @Test
    void refusesAnUnknownFormatVersion() throws IOException {
        Path manifest = folder.resolve("tokens.json");
        Files.writeString(manifest,
                Files.readString(manifest).replace("\"formatVersion\" : 1", "\"formatVersion\" : 2"));
        assertTrue(refusal(() -> TokenSet.open(folder)).contains("format version 2"));
    }

    @Test
    void refusesAManifestThatIsNotJson() throws IOException {
        Files.writeString(folder.resolve("tokens.json"), "{\"formatVersion\": 1, ");
        assertTrue(refusal(() -> TokenSet.open(folder)).contains("tokens.json cannot be read"));
    }

    @Test
    void refusesAFolderWithoutATokenSet() {
        assertTrue(refusal(() -> TokenSet.open(temp)).contains("no tokens.json"));
    }
}
