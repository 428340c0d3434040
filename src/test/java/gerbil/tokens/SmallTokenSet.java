package gerbil.tokens;

import gerbil.corpus.Provenance;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Token sets of given ids, without a corpus. */
public final class SmallTokenSet {

    static final Provenance CORPUS = new Provenance("a corpus",
            List.of(new Provenance.SourceFile("a.txt", 1, "00", "CC0-1.0")));

    private SmallTokenSet() {
    }

    /** A set in one shard. */
    public static TokenSet write(Path folder, Vocabulary vocabulary, int[]... documents) {
        return write(folder, vocabulary, Integer.MAX_VALUE, documents);
    }

    static TokenSet write(Path folder, Vocabulary vocabulary, int shardTokens, int[]... documents) {
        SplitCounts counts = new SplitCounts();
        for (int[] document : documents) {
            counts.add(CORPUS.name(), new TokenSetManifest.Subset(1, document.length + 1, 100));
        }
        int[] ids = Stream.of(documents).flatMapToInt(document ->
                IntStream.concat(IntStream.of(document), IntStream.of(vocabulary.endOfText()))).toArray();
        List<TokenSetManifest.Shard> shards = new ArrayList<>();
        try {
            Files.createDirectories(folder);
            for (int from = 0; from < ids.length; from += Math.min(shardTokens, ids.length - from)) {
                try (ShardFile shard = new ShardFile(folder.resolve(ShardWriter.name(shards.size())), 0)) {
                    for (int i = from; i < ids.length && shard.tokens() < shardTokens; i++) {
                        shard.put(ids[i]);
                    }
                    shards.add(TokenSetManifest.Shard.of(shards.size(), shard.tokens(), shard.finish()));
                }
            }
            TokenSetManifest.of(vocabulary, "train", 5, Long.MAX_VALUE, ShardWriter.State.of(counts, shards), CORPUS,
                    null, null).write(vocabulary, folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return TokenSet.open(folder);
    }
}
