package gerbil.tokens;

import gerbil.base.DiskFull;
import gerbil.base.GerbilException;
import gerbil.corpus.Provenance;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Writes one token set, document by document. Nothing stands under the folder's name until {@link #finish()}; closed
 * before that, it leaves nothing behind. Not thread-safe.
 */
public final class TokenSetWriter implements AutoCloseable {

    private final Path folder;
    private final Vocabulary vocabulary;
    private final Provenance corpus;
    private final String split;
    private final long seed;
    private final long tokenLimit;
    private final PartialFolder partial;
    private final ShardWriter shards;

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
        this(folder, vocabulary, corpus, split, seed, tokenLimit, ShardWriter.SHARD_TOKENS);
    }

    TokenSetWriter(Path folder, Vocabulary vocabulary, Provenance corpus, String split, long seed, long tokenLimit,
                   int shardTokens) {
        this.folder = folder;
        this.vocabulary = vocabulary;
        this.corpus = corpus;
        this.split = split;
        this.seed = seed;
        this.tokenLimit = tokenLimit;
        try {
            this.partial = new PartialFolder(folder);
            this.shards = new ShardWriter(partial.content(), vocabulary.endOfText(), shardTokens,
                    ShardWriter.State.BEGIN);
        } catch (IOException e) {
            throw explain(e, 0);
        }
    }

    /** Whether the tokens asked for have been written. */
    public boolean isFull() {
        return tokens() >= tokenLimit;
    }

    /** Tokens written so far. */
    public long tokens() {
        return shards.tokens();
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
            shards.add(ids, corpus.name(), utf8Bytes);
        } catch (IOException e) {
            throw explain(e, tokens());
        }
    }

    /**
     * Completes the set and gives it its final name.
     *
     * @throws GerbilException if the disk is full
     */
    public TokenSet finish() {
        try {
            TokenSetManifest.of(vocabulary, split, seed, tokenLimit, shards.finish(), corpus, null, null)
                    .write(partial.content());
            partial.commit();
        } catch (IOException e) {
            throw explain(e, tokens());
        }
        return TokenSet.open(folder);
    }

    @Override
    public void close() {
        try {
            shards.close();
        } catch (IOException e) {
            throw explain(e, tokens());
        } finally {
            partial.close();
        }
    }

    private RuntimeException explain(IOException e, long written) {
        return explain(e, folder, written, tokenLimit);
    }

    static RuntimeException explain(IOException e, Path folder, long written, long tokenLimit) {
        String needed = tokenLimit == Long.MAX_VALUE ? "2 bytes a token"
                : "about " + DiskFull.megabytes(Short.BYTES * tokenLimit);
        return DiskFull.explain(e, folder.toAbsolutePath().getParent(),
                DiskFull.megabytes(Short.BYTES * written) + " of tokens", needed);
    }
}
