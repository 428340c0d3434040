package gerbil.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * GPT-2's byte-pair vocabulary, whole or cut after its first merges: the 256 bytes, one entry for each merge, and
 * {@code <|endoftext|>} as the last id. Cuts are nested: apart from {@code <|endoftext|>}, a token has the same id in
 * every cut that holds it. A Blender vocabulary has the {@linkplain SpecialToken special tokens} after it. Rebuilt from
 * the ranks inside jtokkit's jar, without any download. Immutable.
 */
public final class Vocabulary {

    /** What ends each document. */
    public static final String END_OF_TEXT = "<|endoftext|>";

    private static final int BYTES = 256;
    private static final int GPT2_SIZE = 50_257;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String id;
    private final List<byte[]> tokens;
    private final List<BytePairMerges.Merge> merges;
    private final int endOfText;
    private final String sha256;

    /** Made on first use: finding all 50,000 merges takes half a second, and a cut does not need them. */
    private static final class Whole {

        private static final Vocabulary GPT2 = new Vocabulary("gpt2", GPT2_SIZE);
    }

    private static final class Ranks {

        private static final List<byte[]> TOKENS = load();

        private static List<byte[]> load() {
            try (InputStream in = Vocabulary.class.getResourceAsStream("/com/knuddels/jtokkit/r50k_base.tiktoken")) {
                String ranks = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
                return ranks.lines()
                        .map(line -> Base64.getDecoder().decode(line.substring(0, line.indexOf(' '))))
                        .toList();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private Vocabulary(String id, int size) {
        this.id = id;
        List<byte[]> ordinary = Ranks.TOKENS.subList(0, size - 1);
        this.merges = BytePairMerges.of(ordinary);
        this.tokens = new ArrayList<>(ordinary);
        this.tokens.add(END_OF_TEXT.getBytes(StandardCharsets.US_ASCII));
        this.endOfText = size - 1;
        this.sha256 = Sha256.hex(tokenizerJson().getBytes(StandardCharsets.UTF_8));
    }

    private Vocabulary(Vocabulary text) {
        this.id = text.id;
        this.merges = text.merges;
        this.tokens = new ArrayList<>(text.tokens);
        for (SpecialToken token : SpecialToken.values()) {
            this.tokens.add(token.text().getBytes(StandardCharsets.US_ASCII));
        }
        this.endOfText = text.endOfText;
        this.sha256 = text.sha256;
    }

    /** GPT-2's 50,257 entries; {@code <|endoftext|>} is 50256. */
    public static Vocabulary gpt2() {
        return Whole.GPT2;
    }

    /**
     * GPT-2's vocabulary cut to {@code size} entries: 256 bytes, {@code size - 257} merges, {@code <|endoftext|>}. Cut
     * to 50,257 it is GPT-2's own.
     *
     * @throws GerbilException if {@code size} is below 257 or above 50,257
     */
    public static Vocabulary cut(int size) {
        if (size <= BYTES || size > GPT2_SIZE) {
            throw new GerbilException("a vocabulary of " + size + " entries", "from 257 to 50257 entries",
                    "choose a size in this range");
        }
        return size == GPT2_SIZE ? gpt2() : new Vocabulary("gpt2-" + size, size);
    }

    /** A run's vocabulary: its scale's, for a Blender run with special tokens. */
    public static Vocabulary of(RunSpec spec) {
        Vocabulary text = cut(spec.modelSize().scale().vocabularySize());
        return spec.objective() == Objective.BLENDER ? text.withSpecialTokens() : text;
    }

    /** This vocabulary with Blender's special tokens after {@code <|endoftext|>}: the ids of text stay the same. */
    public Vocabulary withSpecialTokens() {
        return hasSpecialTokens() ? this : new Vocabulary(this);
    }

    /** Whether this is a Blender vocabulary. */
    public boolean hasSpecialTokens() {
        return size() > endOfText + 1;
    }

    /**
     * The id of a special token: in GPT-2's whole vocabulary the published one, 50257 to 50263.
     *
     * @throws GerbilException if this is not a Blender vocabulary
     */
    public int id(SpecialToken token) {
        if (!hasSpecialTokens()) {
            throw new GerbilException("the vocabulary " + id + " without " + token.text(),
                    "a vocabulary with Blender's special tokens", "take its withSpecialTokens()");
        }
        return endOfText + 1 + token.ordinal();
    }

    /** {@code gpt2}, or {@code gpt2-1024} for a cut; special tokens do not change it. */
    public String id() {
        return id;
    }

    /** Entries, {@code <|endoftext|>} and special tokens included. */
    public int size() {
        return tokens.size();
    }

    /** The id of {@code <|endoftext|>}: all of text have smaller ones. */
    public int endOfText() {
        return endOfText;
    }

    /** Whether a token takes the white space before it along, as a {@link SpecialToken} does. */
    public boolean lstrip(int token) {
        return token > endOfText;
    }

    /**
     * The bytes that a token stands for; often not whole characters.
     *
     * @throws GerbilException if there is no such id
     */
    public byte[] bytes(int token) {
        if (token < 0 || token >= size()) {
            throw new GerbilException("token " + token, "an id from 0 to " + (size() - 1) + " of " + id,
                    "use the vocabulary that the ids were made with");
        }
        return tokens.get(token).clone();
    }

    /**
     * SHA-256 of {@link #tokenizerJson()} in UTF-8, hexadecimal, without special tokens: what token sets carry, since
     * the ids of text are the same with and without them.
     */
    public String sha256() {
        return sha256;
    }

    /**
     * {@code tokenizer.json} of Hugging Face's tokenizers: byte-level BPE that reads and writes as GPT-2's does. A
     * special token takes the white space before it along ({@link #lstrip}, as RoBERTa's mask does), so that prompts as
     * they were published, with a space on either side of a tag, become the ids that models are trained on.
     */
    public String tokenizerJson() {
        Map<String, Object> byteLevel = ordered("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true,
                "use_regex", true);
        List<Map<String, Object>> added = new ArrayList<>();
        addedTokens().forEach((text, token) -> added.add(ordered("id", token, "content", text, "single_word", false,
                "lstrip", lstrip(token), "rstrip", false, "normalized", false, "special", true)));
        Map<String, Object> bpe = ordered("type", "BPE", "dropout", null, "unk_token", null,
                "continuing_subword_prefix", "", "end_of_word_suffix", "", "fuse_unk", false, "byte_fallback", false,
                "ignore_merges", false, "vocab", spelledTokens(), "merges", spelledMerges());
        return json(ordered("version", "1.0", "truncation", null, "padding", null, "added_tokens", added,
                "normalizer", null, "pre_tokenizer", byteLevel, "post_processor", byteLevel, "decoder", byteLevel,
                "model", bpe));
    }

    /** {@code added_tokens.json}: each special token with its id. */
    public String addedTokensJson() {
        Map<String, Integer> special = addedTokens();
        special.remove(END_OF_TEXT);
        return json(special);
    }

    /** {@code vocab.json}: each token in GPT-2's byte alphabet, with its id. */
    public String vocabJson() {
        return json(spelledTokens());
    }

    /** {@code merges.txt}: one merge a line, after a line with the format's version. */
    public String mergesTxt() {
        return spelledMerges().stream().collect(Collectors.joining("\n", "#version: 0.2\n", "\n"));
    }

    /** What encodes ordinary text. */
    MergeTable mergeTable() {
        return new MergeTable(tokens, merges);
    }

    /** {@code <|endoftext|>} and the special tokens, with their ids. */
    Map<String, Integer> addedTokens() {
        Map<String, Integer> added = new LinkedHashMap<>();
        for (int token = endOfText; token < size(); token++) {
            added.put(new String(tokens.get(token), StandardCharsets.US_ASCII), token);
        }
        return added;
    }

    private Map<String, Integer> spelledTokens() {
        Map<String, Integer> spelled = new LinkedHashMap<>();
        for (int token = 0; token < endOfText(); token++) {
            spelled.put(ByteAlphabet.spell(tokens.get(token)), token);
        }
        spelled.put(END_OF_TEXT, endOfText());
        return spelled;
    }

    private List<String> spelledMerges() {
        return merges.stream().map(BytePairMerges.Merge::spelled).toList();
    }

    private static Map<String, Object> ordered(Object... keysAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            map.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        return map;
    }

    private static String json(Object value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String toString() {
        return id;
    }
}
