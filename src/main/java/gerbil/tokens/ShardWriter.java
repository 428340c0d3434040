package gerbil.tokens;

import gerbil.tokenizer.IdBuffer;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Writes the shards of one token set into a folder, and can go on from a state it was in. Not thread-safe. */
final class ShardWriter implements AutoCloseable {

    /** Tokens of every shard but the last. */
    static final int SHARD_TOKENS = 1 << 24;

    private final Path folder;
    private final int endOfText;
    private final List<TokenSetManifest.Shard> shards;
    private ShardFile shard;

    /**
     * How far a writer is: what is in the files up to here stays.
     *
     * @param shards those that are finished
     */
    record State(long tokens, long documents, long textBytes, Map<String, TokenSetManifest.Subset> subsets,
                 List<TokenSetManifest.Shard> shards) {

        static final State BEGIN = of(new SplitCounts(), List.of());

        static State of(SplitCounts written, List<TokenSetManifest.Shard> shards) {
            return new State(written.tokens(), written.documents(), written.textBytes(),
                    new TreeMap<>(written.subsets()), List.copyOf(shards));
        }
    }

    /**
     * @param state of a writer of the same folder before, which wrote on or did not
     */
    ShardWriter(Path folder, int endOfText, State state) throws IOException {
        this.folder = folder;
        this.endOfText = endOfText;
        shards = new ArrayList<>(state.shards());
        long unfinished = state.tokens() - (long) shards.size() * SHARD_TOKENS;
        if (unfinished > 0) {
            shard = open(unfinished);
        }
    }

    private ShardFile open(long kept) throws IOException {
        return new ShardFile(folder.resolve(name(shards.size())), kept);
    }

    /** Appends a document's ids and {@code <|endoftext|>}. */
    void add(IdBuffer ids, int from, int to) throws IOException {
        for (int i = from; i < to; i++) {
            put(ids.get(i));
        }
        put(endOfText);
    }

    private void put(int id) throws IOException {
        if (shard == null) {
            shard = open(0);
        }
        shard.put(id);
        if (shard.tokens() == SHARD_TOKENS) {
            endShard();
        }
    }

    private void endShard() throws IOException {
        shards.add(TokenSetManifest.Shard.of(shards.size(), shard.tokens(), shard.finish()));
        shard = null;
    }

    /**
     * Everything so far, in the files.
     *
     * @param written counts of just that
     */
    State state(SplitCounts written) throws IOException {
        if (shard != null) {
            shard.flush();
        }
        return State.of(written, shards);
    }

    /** Ends the last shard; nothing may be added after. */
    State finish(SplitCounts written) throws IOException {
        if (shard != null) {
            endShard();
        }
        return State.of(written, shards);
    }

    static String name(int number) {
        return String.format(Locale.ROOT, "shard-%05d.bin", number);
    }

    @Override
    public void close() throws IOException {
        if (shard != null) {
            shard.close();
        }
    }
}
