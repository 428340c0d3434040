package gerbil.hub;

import gerbil.tokens.Vocabulary;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

import gerbil.spec.Json;

/** The tokenizer's files in a folder for transformers. */
final class TransformersTokenizer {

    private TransformersTokenizer() {
    }

    static void write(Vocabulary vocabulary, int positions, Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), vocabulary.tokenizerJson());
        Files.writeString(folder.resolve("vocab.json"), vocabulary.vocabJson());
        Files.writeString(folder.resolve("merges.txt"), vocabulary.mergesTxt());
        Map<String, Object> special = new LinkedHashMap<>();
        for (String role : new String[] {"bos_token", "eos_token", "unk_token"}) {
            special.put(role, Vocabulary.END_OF_TEXT);
        }
        Json.write(folder.resolve("special_tokens_map.json"), special);
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("tokenizer_class", "GPT2Tokenizer");
        config.put("add_prefix_space", false);
        config.putAll(special);
        config.put("clean_up_tokenization_spaces", false);
        config.put("errors", "replace");
        config.put("model_max_length", positions);
        Json.write(folder.resolve("tokenizer_config.json"), config);
    }
}
