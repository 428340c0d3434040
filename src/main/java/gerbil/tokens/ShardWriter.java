package gerbil.tokens;

import gerbil.base.Sha256;
import gerbil.tokenizer.IdBuffer;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Writes the shards of one token set into a folder, and can go on from a state it was in. Not thread-safe. */
final class ShardWriter implements AutoCloseable {

    /** Tokens of every shard but the last. */
    static final int SHARD_TOKENS = 1 << 24;

    private static final int BUFFER_BYTES = 1 << 20;

    private final Path folder;
    private final int endOfText;
    private final int shardTokens;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final List<TokenSetManifest.Shard> shards;
    private final Map<String, TokenSetManifest.Subset> subsets;
    private FileChannel channel;
    private MessageDigest digest;
    private int tokensInShard;
    private long tokens;
    private long documents;
    private long textBytes;

    /**
     * How far a writer is: what is in the files up to here stays.
     *
     * @param shards those that are finished
     */
    record State(long tokens, long documents, long textBytes, Map<String, TokenSetManifest.Subset> subsets,
                 List<TokenSetManifest.Shard> shards) {

        static final State BEGIN = new State(0, 0, 0, Map.of(), List.of());
    }

    /**
     * @param state of a writer of the same folder before, which wrote on or did not
     */
    ShardWriter(Path folder, int endOfText, int shardTokens, State state) throws IOException {
        this.folder = folder;
        this.endOfText = endOfText;
        this.shardTokens = shardTokens;
        shards = new ArrayList<>(state.shards());
        subsets = new TreeMap<>(state.subsets());
        tokens = state.tokens();
        documents = state.documents();
        textBytes = state.textBytes();
        int unfinished = (int) (tokens - (long) shards.size() * shardTokens);
        if (unfinished > 0) {
            reopenShard(unfinished);
        }
    }

    long tokens() {
        return tokens;
    }

    /** Everything so far, in the files. */
    State state() throws IOException {
        if (channel != null) {
            flush();
            channel.force(false);
        }
        return new State(tokens, documents, textBytes, new TreeMap<>(subsets), List.copyOf(shards));
    }

    /** Appends a document's ids and {@code <|endoftext|>}. */
    void add(IdBuffer ids, int from, int to, String subset, long utf8Bytes) throws IOException {
        for (int i = from; i < to; i++) {
            put(ids.get(i));
        }
        end(subset, to - from, utf8Bytes);
    }

    void add(int[] ids, String subset, long utf8Bytes) throws IOException {
        for (int id : ids) {
            put(id);
        }
        end(subset, ids.length, utf8Bytes);
    }

    private void end(String subset, int count, long utf8Bytes) throws IOException {
        put(endOfText);
        documents++;
        textBytes += utf8Bytes;
        subsets.merge(subset, new TokenSetManifest.Subset(1, count + 1L, utf8Bytes),
                (before, one) -> before.plus(one.tokens(), one.textBytes()));
    }

    /** Ends the last shard; nothing may be added after. */
    State finish() throws IOException {
        if (channel != null) {
            endShard();
        }
        return state();
    }

    private void put(int id) throws IOException {
        if (channel == null) {
            beginShard();
        }
        buffer.putShort((short) id);
        tokens++;
        tokensInShard++;
        if (!buffer.hasRemaining()) {
            flush();
        }
        if (tokensInShard == shardTokens) {
            endShard();
        }
    }

    private void beginShard() throws IOException {
        channel = FileChannel.open(folder.resolve(nextShard()), StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING);
        digest = Sha256.begin();
        tokensInShard = 0;
    }

    private void reopenShard(int count) throws IOException {
        channel = FileChannel.open(folder.resolve(nextShard()), StandardOpenOption.READ, StandardOpenOption.WRITE);
        channel.truncate((long) Short.BYTES * count);
        digest = Sha256.begin();
        tokensInShard = count;
        for (long at = 0; at < (long) Short.BYTES * count; ) {
            buffer.clear();
            int read = channel.read(buffer, at);
            if (read < 0) {
                throw new EOFException(folder.resolve(nextShard()) + " is shorter than it was");
            }
            digest.update(buffer.flip());
            at += read;
        }
        buffer.clear();
        channel.position((long) Short.BYTES * count);
    }

    private void endShard() throws IOException {
        flush();
        channel.force(true);
        channel.close();
        channel = null;
        shards.add(new TokenSetManifest.Shard(nextShard(), tokensInShard, (long) Short.BYTES * tokensInShard,
                Sha256.hex(digest)));
    }

    private String nextShard() {
        return shardName(shards.size());
    }

    static String shardName(int number) {
        return String.format(Locale.ROOT, "shard-%05d.bin", number);
    }

    private void flush() throws IOException {
        buffer.flip();
        digest.update(buffer.duplicate());
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        buffer.clear();
    }

    @Override
    public void close() throws IOException {
        if (channel != null) {
            channel.close();
        }
    }
}
