package gerbil.tokens;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.WholeFile;
import gerbil.corpus.Provenance;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a token set says of itself in {@code tokens.json}.
 *
 * @param formatVersion {@link #FORMAT_VERSION}
 * @param tokenizer id of the vocabulary
 * @param tokenizerSha256 of its tokenizer.json
 * @param vocabularySize entries, {@code <|endoftext|>} included
 * @param split {@code train} or {@code heldout}
 * @param seed of the documents' order
 * @param tokenLimit how many tokens were asked for: the last document is the one that reaches the limit
 * @param tokens in all shards, the documents' {@code <|endoftext|>} included
 * @param documents how many
 * @param textBytes of the documents in UTF-8
 * @param subsets the same of each subset that the documents name
 * @param corpus the files that the documents come from
 * @param corpusIdentity by which a changed corpus is told; null in older sets
 * @param deduplication {@code exact}, {@code near} or {@code none}; null in older sets, where it was exact
 * @param shards in order
 */
public record TokenSetManifest(int formatVersion, String tokenizer, String tokenizerSha256, int vocabularySize,
                               String split, long seed, long tokenLimit, long tokens, long documents, long textBytes,
                               Map<String, Subset> subsets, Provenance corpus, String corpusIdentity,
                               String deduplication, List<Shard> shards) {

    /** The version of the format that this library writes, and the only one it reads. */
    public static final int FORMAT_VERSION = 1;

    static final String FILE = "tokens.json";
    /** With a line for each of a million files of the corpus. */
    private static final long LARGEST = 1 << 28;

    private static final ObjectMapper JSON = new JsonMapper();

    public TokenSetManifest {
        shards = List.copyOf(shards);
        subsets = subsets == null ? Map.of() : Collections.unmodifiableMap(new TreeMap<>(subsets));
    }

    /**
     * What a set has of one subset.
     *
     * @param tokens the documents' {@code <|endoftext|>} included
     * @param textBytes in UTF-8
     */
    public record Subset(long documents, long tokens, long textBytes) implements Serializable {

        Subset plus(Subset more) {
            return new Subset(documents + more.documents, tokens + more.tokens, textBytes + more.textBytes);
        }
    }

    /**
     * One file of little-endian uint16 ids.
     *
     * @param tokens how many
     * @param bytes the file's length
     * @param sha256 of the file, hexadecimal
     */
    public record Shard(String file, long tokens, long bytes, String sha256) implements Serializable {

        static Shard of(int number, long tokens, String sha256) {
            return new Shard(ShardWriter.name(number), tokens, Short.BYTES * tokens, sha256);
        }
    }

    static TokenSetManifest of(Vocabulary vocabulary, String split, long seed, long tokenLimit,
                               ShardWriter.State written, Provenance corpus, String corpusIdentity,
                               String deduplication) {
        return new TokenSetManifest(FORMAT_VERSION, vocabulary.id(), vocabulary.sha256(), vocabulary.size(), split,
                seed, tokenLimit, written.tokens(), written.documents(), written.textBytes(), written.subsets(),
                corpus, corpusIdentity, deduplication, written.shards());
    }

    static TokenSetManifest read(Path folder) {
        Path file = folder.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw new GerbilException("no " + FILE + " in " + folder, "a finished token set",
                    "prepare the tokens, or check the folder's name");
        }
        try {
            JsonNode json = JSON.readTree(Files.readAllBytes(Folders.requireFile(file, LARGEST)));
            int version = json.path("formatVersion").asInt();
            if (version != FORMAT_VERSION) {
                throw new GerbilException(file + " has format version " + version, "version " + FORMAT_VERSION,
                        "prepare the tokens again with this version of the library");
            }
            return JSON.treeToValue(json, TokenSetManifest.class);
        } catch (IOException e) {
            throw new GerbilException(file + " cannot be read (" + firstLine(e) + ")", "the JSON of a token set",
                    "delete the folder and prepare the tokens again", e);
        }
    }

    /** Writes the manifest and the vocabulary. */
    void write(Vocabulary vocabulary, Path folder) throws IOException {
        vocabulary.save(folder);
        WholeFile.write(folder.resolve(FILE),
                JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this).replace("\r\n", "\n") + "\n");
    }

    private static String firstLine(IOException e) {
        return e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
    }
}
