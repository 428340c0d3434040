package gerbil.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.GerbilException;
import gerbil.base.Utf8;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/**
 * GPT-2's byte-pair vocabulary, whole or cut after its first merges: the 256 bytes, one entry for each merge, and
 * {@code <|endoftext|>} as the last id. Cuts are nested: apart from {@code <|endoftext|>}, a token has the same id in
 * every cut that holds it. Rebuilt from the ranks inside jtokkit's jar, without any download.
 */
final class Gpt2Vocabulary extends Vocabulary {

    private static final int BYTES = 256;
    private static final int GPT2_SIZE = 50_257;
    private static final String GPT2 = "gpt2";
    private static final Pattern CUT = Pattern.compile(GPT2 + "-(\\d{3,5})");
    /** GPT-J's own name for rows that no text uses. */
    private static final Pattern PADDING = Pattern.compile("<\\|extratoken_\\d+\\|>");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<byte[]> tokens;
    /** Found when they are first asked for: that takes a third of a second for all 50,000. */
    private volatile List<String> merges;

    /** Made on first use: a cut does not need it. */
    private static final class Whole {

        private static final Vocabulary WHOLE = of(GPT2, GPT2_SIZE);
    }

    private static final class Ranks {

        private static final List<byte[]> TOKENS = load();

        private static List<byte[]> load() {
            return Utf8.resource(Gpt2Vocabulary.class, "/com/knuddels/jtokkit/r50k_base.tiktoken").lines()
                    .map(line -> Base64.getDecoder().decode(line.substring(0, line.indexOf(' ')))).toList();
        }
    }

    private Gpt2Vocabulary(String id, List<byte[]> tokens, List<String> merges, boolean special) {
        super(id, tokens.size(), tokens.size() - 1, special);
        this.tokens = tokens;
        this.merges = merges;
    }

    private static Gpt2Vocabulary of(String id, int size) {
        List<byte[]> tokens = new ArrayList<>(Ranks.TOKENS.subList(0, size - 1));
        tokens.add(END_OF_TEXT.getBytes(StandardCharsets.US_ASCII));
        return new Gpt2Vocabulary(id, tokens, null, false);
    }

    private List<String> merges() {
        if (merges == null) {
            merges = BytePairMerges.of(tokens.subList(0, endOfText()).stream().map(ByteAlphabet::spell).toList());
        }
        return merges;
    }

    static Vocabulary whole() {
        return Whole.WHOLE;
    }

    static Vocabulary ofSize(int size) {
        if (size <= BYTES || size > GPT2_SIZE) {
            throw new GerbilException("a vocabulary of " + size + " entries", "from 257 to 50257 entries",
                    "choose a size in this range");
        }
        return size == GPT2_SIZE ? whole() : of(GPT2 + "-" + size, size);
    }

    /** The one of an id, if it is GPT-2's or that of a cut. */
    static Optional<Vocabulary> known(String id) {
        Matcher cut = CUT.matcher(id);
        return id.equals(GPT2) ? Optional.of(whole())
                : cut.matches() ? Optional.of(ofSize(Integer.parseInt(cut.group(1)))) : Optional.empty();
    }

    /** The one that a {@code tokenizer.json} is of, if it is of one; GPT-J's padding counts for nothing. */
    static Optional<Vocabulary> known(JsonNode file) {
        JsonNode model = file.path("model");
        int size = model.path("vocab").size();
        JsonNode split = file.path("pre_tokenizer");
        if (size <= BYTES || size > GPT2_SIZE || !model.path("type").asText().equals("BPE")
                || !file.path("normalizer").isNull() || !split.path("type").asText().equals("ByteLevel")
                || split.path("add_prefix_space").asBoolean() || !split.path("use_regex").asBoolean(true)) {
            return Optional.empty();
        }
        return known(model.path("vocab"), StreamSupport.stream(model.path("merges").spliterator(), false)
                .map(m -> m.isArray() ? m.path(0).asText() + " " + m.path(1).asText() : m.asText()).toList(),
                ids(file.path("added_tokens")));
    }

    /**
     * The one of these tokens, if it is one.
     *
     * @param added with their ids; of what is in no text
     */
    static Optional<Vocabulary> known(JsonNode tokens, List<String> merges, Map<String, Integer> added) {
        if (tokens.size() <= BYTES || tokens.size() > GPT2_SIZE) {
            return Optional.empty();
        }
        Map<String, Integer> given = new LinkedHashMap<>(added);
        given.keySet().removeIf(token -> PADDING.matcher(token).matches());
        Vocabulary text = ofSize(tokens.size());
        Vocabulary found = given.containsKey(SpecialToken.values()[0].text()) ? text.withSpecialTokens() : text;
        given.putIfAbsent(END_OF_TEXT, text.endOfText());
        Gpt2Vocabulary own = (Gpt2Vocabulary) found;
        return own.spelledTokens().entrySet().stream().allMatch(token -> tokens.path(token.getKey()).isInt()
                && tokens.path(token.getKey()).intValue() == token.getValue()) && merges.equals(own.merges())
                && given.equals(own.addedTokens()) ? Optional.of(found) : Optional.empty();
    }

    private static Map<String, Integer> ids(JsonNode added) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        added.forEach(token -> ids.put(token.path("content").asText(), token.path("id").asInt(-1)));
        return ids;
    }

    @Override
    public Vocabulary withSpecialTokens() {
        return hasSpecialTokens() ? this : new Gpt2Vocabulary(id(), tokens, merges, true);
    }

    @Override
    Vocabulary textOnly() {
        return hasSpecialTokens() ? new Gpt2Vocabulary(id(), tokens, merges, false) : this;
    }

    @Override
    public String endOfTextToken() {
        return END_OF_TEXT;
    }

    @Override
    byte[] textBytes(int token) {
        return tokens.get(token).clone();
    }

    @Override
    Encoder encoder() {
        return new Gpt2Encoder(this);
    }

    /** Byte-level BPE that reads and writes as GPT-2's does. */
    @Override
    public String tokenizerJson() {
        Map<String, Object> byteLevel = ordered("type", "ByteLevel", "add_prefix_space", false, "trim_offsets", true,
                "use_regex", true);
        List<Map<String, Object>> added = new ArrayList<>();
        addedTokens().forEach((text, token) -> added.add(ordered("id", token, "content", text, "single_word", false,
                "lstrip", lstrip(token), "rstrip", false, "normalized", false, "special", true)));
        Map<String, Object> bpe = ordered("type", "BPE", "dropout", null, "unk_token", null,
                "continuing_subword_prefix", "", "end_of_word_suffix", "", "fuse_unk", false, "byte_fallback", false,
                "ignore_merges", false, "vocab", spelledTokens(), "merges", merges());
        return json(ordered("version", "1.0", "truncation", null, "padding", null, "added_tokens", added,
                "normalizer", null, "pre_tokenizer", byteLevel, "post_processor", byteLevel, "decoder", byteLevel,
                "model", bpe));
    }

    /**
     * Beside the whole {@code vocab.json} (each token in GPT-2's byte alphabet, with its id), {@code merges.txt} (one
     * merge a line, after a line with the format's version) and of a Blender vocabulary {@code added_tokens.json}.
     */
    @Override
    public Map<String, String> files() {
        Map<String, String> files = new LinkedHashMap<>(super.files());
        files.put("vocab.json", json(spelledTokens()));
        files.put("merges.txt", merges().stream().collect(Collectors.joining("\n", "#version: 0.2\n", "\n")));
        if (hasSpecialTokens()) {
            Map<String, Integer> special = addedTokens();
            special.remove(END_OF_TEXT);
            files.put("added_tokens.json", json(special));
        }
        return files;
    }

    /** The tokens of text, of which those that come first are merged first. */
    Map<byte[], Integer> ranks() {
        return IntStream.range(0, endOfText()).boxed().collect(Collectors.toMap(tokens::get, id -> id));
    }

    /** {@code <|endoftext|>} and the special tokens, with their ids. */
    Map<String, Integer> addedTokens() {
        Map<String, Integer> added = new LinkedHashMap<>();
        for (int token = endOfText(); token < size(); token++) {
            added.put(new String(bytes(token), StandardCharsets.US_ASCII), token);
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
}
