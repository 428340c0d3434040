package gerbil.hub;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Utf8;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The tokenizer's files in a folder of transformers. */
final class TransformersTokenizer {

    private static final String WHOLE = "tokenizer.json";
    private static final String VOCABULARY = "vocab.json";
    private static final String MERGES = "merges.txt";
    private static final String ADDED = "added_tokens.json";
    private static final String ADDED_TOKENS = "added_tokens";
    private static final long LARGEST_MERGES = 1 << 24;
    /** GPT-J's own name for rows that no text uses. */
    private static final Pattern PADDING = Pattern.compile("<\\|extratoken_\\d+\\|>");

    private TransformersTokenizer() {
    }

    /** Writes all files; {@code added_tokens.json} only for Blender's special tokens. */
    static void write(Vocabulary vocabulary, int contextLength, Path folder) throws IOException {
        JsonNode added = JsonFile.own(vocabulary.tokenizerJson()).get(ADDED_TOKENS);
        Files.writeString(folder.resolve(WHOLE), vocabulary.tokenizerJson());
        Files.writeString(folder.resolve(VOCABULARY), vocabulary.vocabJson());
        Files.writeString(folder.resolve(MERGES), vocabulary.mergesTxt());
        Map<String, Object> special = new LinkedHashMap<>();
        for (String role : new String[] {"bos_token", "eos_token", "unk_token"}) {
            special.put(role, Vocabulary.END_OF_TEXT);
        }
        if (vocabulary.hasSpecialTokens()) {
            special.put("additional_special_tokens", Stream.of(SpecialToken.values()).map(SpecialToken::text).toList());
            Files.writeString(folder.resolve(ADDED), vocabulary.addedTokensJson());
        }
        Json.write(folder.resolve("special_tokens_map.json"), special);
        Map<String, Object> config = new LinkedHashMap<>(special);
        config.put("tokenizer_class", "GPT2Tokenizer");
        config.put("add_prefix_space", false);
        config.put("clean_up_tokenization_spaces", false);
        config.put("errors", "replace");
        config.put("model_max_length", contextLength);
        config.put("added_tokens_decoder", decoder(added));
        Json.write(folder.resolve("tokenizer_config.json"), config);
    }

    /** {@code tokenizer.json}'s list of added tokens as {@code tokenizer_config.json} has it. */
    private static Map<String, Object> decoder(JsonNode added) {
        Map<String, Object> byId = new LinkedHashMap<>();
        for (JsonNode token : added) {
            Map<String, Object> settings = new LinkedHashMap<>();
            token.properties().stream().filter(p -> !p.getKey().equals("id"))
                    .forEach(p -> settings.put(p.getKey(), p.getValue()));
            byId.put(token.get("id").asText(), settings);
        }
        return byId;
    }

    /**
     * The folder's vocabulary.
     *
     * @param config the folder's {@code config.json}, whose ids have to be the tokenizer's
     * @throws GerbilException if the files are missing, are not those of GPT-2's byte-pair encoding or a cut of it,
     *     disagree with each other or with the model's embedding
     */
    static Vocabulary read(Path folder, JsonNode config) throws IOException {
        Optional<JsonNode> whole = json(folder.resolve(WHOLE));
        Optional<JsonNode> spelled = json(folder.resolve(VOCABULARY));
        JsonNode tokens = whole.map(w -> w.path("model").path("vocab")).or(() -> spelled)
                .orElseThrow(() -> new GerbilException(folder + " without " + WHOLE + " and " + VOCABULARY,
                        "a tokenizer beside the model", "put the files of the tokenizer it was trained with there"));
        Vocabulary vocabulary = ofSize(tokens.size(), folder);
        JsonNode own = JsonFile.own(vocabulary.tokenizerJson());
        requireEqual(tokens, own.get("model").get("vocab"), folder);
        if (whole.isPresent()) {
            requireBytePairs(whole.get(), own, folder.resolve(WHOLE));
            requireEqual(spelled.orElse(tokens), tokens, folder.resolve(VOCABULARY));
        }
        if (whole.isEmpty() || Files.exists(folder.resolve(MERGES))) {
            requireMerges(folder.resolve(MERGES), vocabulary);
        }
        Map<String, Integer> added = whole.map(w -> ids(w.path(ADDED_TOKENS))).orElseGet(LinkedHashMap::new);
        json(folder.resolve(ADDED)).ifPresent(a -> a.properties()
                .forEach(token -> added.put(token.getKey(), token.getValue().asInt(-1))));
        vocabulary = withAdded(vocabulary, added, folder);
        requireIds(vocabulary, config, folder);
        return vocabulary;
    }

    private static Optional<JsonNode> json(Path file) throws IOException {
        return Files.exists(file) ? Optional.of(JsonFile.object(file)) : Optional.empty();
    }

    private static Vocabulary ofSize(int size, Path folder) {
        try {
            return Vocabulary.cut(size);
        } catch (GerbilException e) {
            throw notOurs(folder, size + " entries", "256 bytes, up to 50,000 merges and " + Vocabulary.END_OF_TEXT);
        }
    }

    private static void requireEqual(JsonNode tokens, JsonNode expected, Path file) {
        if (!tokens.equals(expected)) {
            String first = tokens.properties().stream().filter(t -> !t.getValue().equals(expected.get(t.getKey())))
                    .findFirst().map(t -> "'" + t.getKey() + "' with id " + t.getValue())
                    .orElse(tokens.size() + " entries");
            throw notOurs(file, first, "the " + expected.size() + " entries of GPT-2's vocabulary in its order");
        }
    }

    private static void requireBytePairs(JsonNode whole, JsonNode own, Path file) {
        requireMerges(StreamSupport.stream(whole.path("model").path("merges").spliterator(), false)
                .map(m -> m.isArray() ? m.path(0).asText() + " " + m.path(1).asText() : m.asText()).toList(),
                StreamSupport.stream(own.get("model").get("merges").spliterator(),
                false).map(JsonNode::asText).toList(),
                file);
        JsonNode split = whole.path("pre_tokenizer");
        if (!whole.path("model").path("type").asText().equals("BPE") || !whole.path("normalizer").isNull()
                || !split.path("type").asText().equals("ByteLevel") || split.path("add_prefix_space").asBoolean()
                || !split.path("use_regex").asBoolean(true)) {
            throw notOurs(file, "a tokenizer of another kind", "byte-level BPE without normalizer and added spaces");
        }
    }

    private static void requireMerges(Path file, Vocabulary vocabulary) throws IOException {
        if (!Files.exists(file)) {
            throw new GerbilException(file.getParent() + " without " + MERGES, VOCABULARY + " and " + MERGES + ", or "
                    + WHOLE, "put the tokenizer's other files there");
        }
        if (Files.size(file) > LARGEST_MERGES) {
            throw notOurs(file, Files.size(file) + " bytes", "GPT-2's merges");
        }
        String text = Utf8.read(file).replace("\r", "");
        requireMerges(text.lines().skip(text.startsWith("#version") ? 1 : 0).filter(l -> !l.isEmpty()).toList(),
                vocabulary.mergesTxt().lines().skip(1).toList(), file);
    }

    private static void requireMerges(List<String> merges, List<String> expected, Path file) {
        if (!merges.equals(expected)) {
            throw notOurs(file, merges.size() + " merges", "the first " + expected.size()
                    + " of GPT-2, one for each entry of the vocabulary after the bytes");
        }
    }

    private static Map<String, Integer> ids(JsonNode added) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        added.forEach(token -> ids.put(token.path("content").asText(), token.path("id").asInt(-1)));
        return ids;
    }

    private static Vocabulary withAdded(Vocabulary text, Map<String, Integer> added, Path folder) {
        added.keySet().removeIf(token -> PADDING.matcher(token).matches());
        Vocabulary vocabulary = added.containsKey(SpecialToken.values()[0].text()) ? text.withSpecialTokens() : text;
        Map<String, Integer> expected = ids(JsonFile.own(vocabulary.tokenizerJson()).get(ADDED_TOKENS));
        added.putIfAbsent(Vocabulary.END_OF_TEXT, text.endOfText());
        if (!added.equals(expected)) {
            throw notOurs(folder, "the added tokens " + added, expected.toString());
        }
        return vocabulary;
    }

    private static void requireIds(Vocabulary vocabulary, JsonNode config, Path folder) {
        for (String role : new String[] {"bos_token_id", "eos_token_id"}) {
            JsonNode id = config.path(role);
            if (id.isNumber() && id.asLong() != vocabulary.endOfText()) {
                throw notOurs(folder, role + " " + id + " in config.json", vocabulary.endOfText()
                        + ", the id of " + Vocabulary.END_OF_TEXT);
            }
        }
        LanguageModel.requireRows(config.path("vocab_size").asInt(), vocabulary);
    }

    private static GerbilException notOurs(Path where, String found, String expected) {
        return new GerbilException("a tokenizer in " + where + " with " + found, expected,
                "take the model's own tokenizer; only GPT-2's and its cuts can be read");
    }
}
