package gerbil.tokens;

import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.base.Unchecked;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * A folder of token shards, read as one long sequence of ids in which {@code <|endoftext|>} ends each document. Safe
 * for use by many threads.
 */
public final class TokenSet {

    private final Path folder;
    private final TokenSetManifest manifest;
    private final long[] starts;
    private final ShardReader[] shards;

    private TokenSet(Path folder, TokenSetManifest manifest) {
        this.folder = folder;
        this.manifest = manifest;
        int count = manifest.shards().size();
        this.starts = new long[count + 1];
        this.shards = new ShardReader[count];
        for (int i = 0; i < count; i++) {
            TokenSetManifest.Shard shard = manifest.shards().get(i);
            starts[i + 1] = starts[i] + shard.tokens();
            shards[i] = new ShardReader(folder.resolve(shard.file()), shard);
        }
        if (starts[count] != manifest.tokens()) {
            throw new GerbilException("shards of " + starts[count] + " tokens in " + folder,
                    manifest.tokens() + " tokens", "delete the folder and prepare the tokens again");
        }
    }

    /**
     * Opens a token set; checks that each shard is there and whole, by its length.
     *
     * @throws GerbilException if there is no finished token set, its format is of another version, or a shard is
     *     missing or of another length; the file is named
     */
    public static TokenSet open(Path folder) {
        return new TokenSet(folder, TokenSetManifest.read(folder));
    }

    /**
     * The vocabulary of the ids, without Blender's special tokens, whose ids no token set has.
     *
     * @throws GerbilException if the folder's {@code tokenizer.json} is missing or another
     */
    public Vocabulary vocabulary() {
        return Unchecked.io(() -> Vocabulary.saved(manifest.tokenizer(), folder));
    }

    /**
     * @return this set
     * @throws GerbilException if the ids are of another vocabulary
     */
    public TokenSet requireVocabulary(Vocabulary vocabulary) {
        if (!manifest.tokenizer().equals(vocabulary.id())
                || !manifest.tokenizerSha256().equals(vocabulary.sha256())) {
            throw new GerbilException("tokens of the vocabulary " + manifest.tokenizer() + " (SHA-256 "
                    + manifest.tokenizerSha256() + ") in " + folder,
                    "the vocabulary " + vocabulary.id() + " (SHA-256 " + vocabulary.sha256() + ")",
                    "prepare tokens with " + vocabulary.id() + " in another folder");
        }
        return this;
    }

    /** Tokens in all shards. */
    public long tokens() {
        return manifest.tokens();
    }

    public TokenSetManifest manifest() {
        return manifest;
    }

    public Path folder() {
        return folder;
    }

    /** SHA-256 of the vocabulary's and the shards' checksums, in order: equal for sets with equal ids. */
    public String hash() {
        List<TokenSetManifest.Shard> list = manifest.shards();
        String lines = list.stream().map(TokenSetManifest.Shard::sha256).collect(
                Collectors.joining("\n", manifest.tokenizerSha256() + "\n", "\n"));
        return Sha256.hex(lines.getBytes(StandardCharsets.UTF_8));
    }

    /** Where a token is: its shard, and its number in there from 0. */
    public String place(long position) {
        int shard = 0;
        while (position >= starts[shard + 1]) {
            shard++;
        }
        return shards[shard].path() + ", token " + (position - starts[shard]);
    }

    /** How many tokens of another vocabulary the text of the first {@code first} tokens is, or of all. */
    public long tokensIn(Vocabulary other, int first) {
        Tokenizer own = new Tokenizer(vocabulary());
        Tokenizer theirs = new Tokenizer(other);
        int[] ids = new int[(int) Math.min(first, tokens())];
        read(0, ids);
        long count = 0;
        for (int begin = 0, end = 0; end < ids.length; begin = ++end) {
            while (end < ids.length && ids[end] != own.vocabulary().endOfText()) {
                end++;
            }
            count += theirs.encode(own.decode(Arrays.copyOfRange(ids, begin, end))).length + (end < ids.length ? 1 : 0);
        }
        return count;
    }

    /**
     * Fills {@code destination} with the ids from {@code position} on, across the shards' borders. Before a shard is
     * first read from, its checksum is verified, some hundredths of a second for its 32 MB.
     *
     * @throws GerbilException naming the shard, if its checksum is wrong
     * @throws IndexOutOfBoundsException if they do not all lie inside the set
     */
    public void read(long position, int[] destination) {
        Objects.checkFromIndexSize(position, destination.length, tokens());
        int shard = 0;
        for (int done = 0; done < destination.length; ) {
            long at = position + done;
            while (at >= starts[shard + 1]) {
                shard++;
            }
            int count = (int) Math.min(destination.length - done, starts[shard + 1] - at);
            shards[shard].read((int) (at - starts[shard]), destination, done, count);
            done += count;
        }
    }
}
