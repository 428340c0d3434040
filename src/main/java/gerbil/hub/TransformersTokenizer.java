package gerbil.hub;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.JsonFile;
import gerbil.base.Utf8;
import gerbil.base.WholeFile;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The tokenizer's files in a folder of transformers. */
final class TransformersTokenizer {

    private static final String WHOLE = "tokenizer.json";
    private static final String VOCABULARY = "vocab.json";
    private static final String MERGES = "merges.txt";
    private static final String ADDED = "added_tokens.json";
    private static final long LARGEST_MERGES = 1 << 24;

    private TransformersTokenizer() {
    }

    static void write(Vocabulary vocabulary, int contextLength, Path folder) throws IOException {
        Map<String, String> files = vocabulary.files();
        for (Map.Entry<String, String> file : files.entrySet()) {
            WholeFile.write(folder.resolve(file.getKey()), file.getValue());
        }
        boolean gpt2 = files.containsKey(VOCABULARY);
        Map<String, Object> special = new LinkedHashMap<>();
        for (String role : gpt2 ? List.of("bos_token", "eos_token", "unk_token") : List.of("bos_token", "eos_token")) {
            special.put(role, vocabulary.endOfTextToken());
        }
        if (vocabulary.hasSpecialTokens()) {
            special.put("additional_special_tokens", Stream.of(SpecialToken.values()).map(SpecialToken::text).toList());
        }
        Json.write(folder.resolve("special_tokens_map.json"), special);
        Map<String, Object> config = new LinkedHashMap<>(special);
        config.put("tokenizer_class", gpt2 ? "GPT2Tokenizer" : "PreTrainedTokenizerFast");
        if (gpt2) {
            config.put("add_prefix_space", false);
        }
        config.put("clean_up_tokenization_spaces", false);
        if (gpt2) {
            config.put("errors", "replace");
        }
        config.put("model_max_length", contextLength);
        config.put("added_tokens_decoder", decoder(JsonFile.own(files.get(WHOLE)).path("added_tokens")));
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
     * @throws GerbilException if the files are missing, are no tokenizer, or disagree with the model
     */
    static Vocabulary read(Path folder, JsonNode config) throws IOException {
        Vocabulary vocabulary = Files.exists(folder.resolve(WHOLE)) ? Vocabulary.open(folder.resolve(WHOLE))
                : gpt2(folder);
        JsonNode begin = config.path("bos_token_id");
        JsonNode end = config.path("eos_token_id");
        if (begin.isNumber() && begin.asLong() >= vocabulary.size()
                || end.isNumber() && end.asLong() != vocabulary.endOfText()) {
            throw new GerbilException("bos_token_id " + begin + " and eos_token_id " + end + " in "
                    + folder.resolve("config.json"), "ids of its tokenizer, the latter " + vocabulary.endOfText()
                    + ", that of " + vocabulary.endOfTextToken(),
                    "take the model's own tokenizer, or name its eos_token in tokenizer_config.json");
        }
        LanguageModel.requireRows(config.path("vocab_size").asInt(), vocabulary);
        return vocabulary;
    }

    /** Of {@code vocab.json} and {@code merges.txt}, as older versions of transformers save GPT-2's alone. */
    private static Vocabulary gpt2(Path folder) throws IOException {
        boolean spelled = Files.exists(folder.resolve(VOCABULARY));
        if (!spelled || Files.notExists(folder.resolve(MERGES))) {
            throw new GerbilException(folder + " without " + (spelled ? MERGES : WHOLE + " and " + VOCABULARY),
                    "a tokenizer beside the model", "put the files of the tokenizer it was trained with there");
        }
        String merges = Utf8.read(Folders.requireFile(folder.resolve(MERGES), LARGEST_MERGES)).replace("\r", "");
        Map<String, Integer> added = new LinkedHashMap<>();
        if (Files.exists(folder.resolve(ADDED))) {
            JsonFile.object(folder.resolve(ADDED)).properties()
                    .forEach(token -> added.put(token.getKey(), token.getValue().asInt(-1)));
        }
        return Vocabulary.gpt2(JsonFile.object(folder.resolve(VOCABULARY)), merges.lines()
                .skip(merges.startsWith("#version") ? 1 : 0).filter(l -> !l.isEmpty()).toList(), added)
                .orElseThrow(() -> notGpt2(folder));
    }

    private static GerbilException notGpt2(Path folder) {
        return new GerbilException("a " + VOCABULARY + " in " + folder + " that with its " + MERGES + " and " + ADDED
                + " is neither GPT-2's nor a cut of it", "a " + WHOLE + ", which says what kind of tokenizer it is",
                "save one with save_pretrained of transformers' AutoTokenizer");
    }
}
