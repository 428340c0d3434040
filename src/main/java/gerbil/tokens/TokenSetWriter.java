package gerbil.tokens;

import gerbil.corpus.Provenance;
import gerbil.corpus.Sha256;
import gerbil.spec.DiskFull;
import gerbil.spec.GerbilException;

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

/**
 * Writes one token set, document by document. Nothing stands under the folder's name until {@link #finish()}; closed
 * before that, it leaves nothing behind. Not thread-safe.
 */
public final class TokenSetWriter implements AutoCloseable {

    /** Tokens of every shard but the last. */
    static final int SHARD_TOKENS = 1 << 24;

    private static final int BUFFER_BYTES = 1 << 20;

    private final Path folder;
    private final Vocabulary vocabulary;
    private final Provenance corpus;
    private final String split;
    private final long seed;
    private final long tokenLimit;
    private final int shardTokens;
    private final PartialFolder partial;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private final List<TokenSetManifest.Shard> shards = new ArrayList<>();
    private FileChannel channel;
    private MessageDigest digest;
    private int tokensInShard;
    private long tokens;
    private long documents;
    private long textBytes;

    /**
     * @param folder new or empty
     * @param corpus what the documents come from
     * @param split {@code train} or {@code heldout}
     * @param seed of the documents' order
     * @param tokenLimit at which the set is {@linkplain #isFull() full}; {@link Long#MAX_VALUE} for none
     * @throws GerbilException if the folder has content, another job is writing it, or the disk is full
     */
    public TokenSetWriter(Path folder, Vocabulary vocabulary, Provenance corpus, String split, long seed,
                          long tokenLimit) {
        this(folder, vocabulary, corpus, split, seed, tokenLimit, SHARD_TOKENS);
    }

    TokenSetWriter(Path folder, Vocabulary vocabulary, Provenance corpus, String split, long seed, long tokenLimit,
                   int shardTokens) {
        this.folder = folder;
        this.vocabulary = vocabulary;
        this.corpus = corpus;
        this.split = split;
        this.seed = seed;
        this.tokenLimit = tokenLimit;
        this.shardTokens = shardTokens;
        try {
            this.partial = new PartialFolder(folder);
        } catch (IOException e) {
            throw explain(e);
        }
    }

    /** Whether the tokens asked for have been written. */
    public boolean isFull() {
        return tokens >= tokenLimit;
    }

    /** Tokens written so far. */
    public long tokens() {
        return tokens;
    }

    /**
     * Appends one document and {@code <|endoftext|>}.
     *
     * @param ids of the writer's vocabulary
     * @param utf8Bytes length of the document's text
     * @throws GerbilException if the disk is full
     */
    public void add(int[] ids, long utf8Bytes) {
        try {
            for (int id : ids) {
                put(id);
            }
            put(vocabulary.endOfText());
        } catch (IOException e) {
            throw explain(e);
        }
        documents++;
        textBytes += utf8Bytes;
    }

    /**
     * Completes the set and gives it its final name.
     *
     * @throws GerbilException if the disk is full
     */
    public TokenSet finish() {
        try {
            if (channel != null) {
                endShard();
            }
            new TokenSetManifest(TokenSetManifest.FORMAT_VERSION, vocabulary.id(), vocabulary.sha256(),
                    vocabulary.size(), split, seed, tokenLimit, tokens, documents, textBytes, corpus, shards)
                    .write(partial.path());
            partial.commit();
        } catch (IOException e) {
            throw explain(e);
        }
        return TokenSet.open(folder);
    }

    @Override
    public void close() {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            throw explain(e);
        } finally {
            partial.close();
        }
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
        channel = FileChannel.open(partial.path().resolve(nextShard()), StandardOpenOption.CREATE_NEW,
                StandardOpenOption.WRITE);
        digest = Sha256.begin();
        tokensInShard = 0;
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
        return String.format(Locale.ROOT, "shard-%05d.bin", shards.size());
    }

    private void flush() throws IOException {
        buffer.flip();
        digest.update(buffer.duplicate());
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        buffer.clear();
    }

    private RuntimeException explain(IOException e) {
        String needed = tokenLimit == Long.MAX_VALUE ? "2 bytes a token"
                : "about " + DiskFull.megabytes(Short.BYTES * tokenLimit);
        return DiskFull.explain(e, folder.toAbsolutePath().getParent(),
                DiskFull.megabytes(Short.BYTES * tokens) + " of tokens", needed);
    }
}
