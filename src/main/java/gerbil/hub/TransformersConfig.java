package gerbil.hub;

import gerbil.spec.GptJConfig;
import gerbil.tokens.Vocabulary;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** {@code config.json} and {@code generation_config.json} of transformers' {@code GPTJForCausalLM}. */
final class TransformersConfig {

    private TransformersConfig() {
    }

    static Map<String, Object> of(GptJConfig config, Vocabulary vocabulary) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("architectures", List.of("GPTJForCausalLM"));
        json.put("model_type", "gptj");
        json.put("activation_function", "gelu_new");
        json.put("attn_pdrop", 0.0);
        json.put("embd_pdrop", 0.0);
        json.put("resid_pdrop", 0.0);
        json.put("bos_token_id", vocabulary.endOfText());
        json.put("eos_token_id", vocabulary.endOfText());
        json.put("dtype", "float32");
        json.put("initializer_range", 0.02);
        json.put("layer_norm_epsilon", 1e-5);
        json.put("n_embd", config.width());
        json.put("n_head", config.heads());
        json.put("n_inner", null);
        json.put("n_layer", config.layers());
        json.put("n_positions", config.positions());
        json.put("rotary_dim", config.rotaryDim());
        json.put("tie_word_embeddings", false);
        json.put("tokenizer_class", "GPT2Tokenizer");
        json.put("use_cache", true);
        json.put("vocab_size", config.vocabulary());
        return json;
    }

    /** Rows of the embedding that no token uses are never generated, as they never are here. */
    static Map<String, Object> generation(GptJConfig config, Vocabulary vocabulary) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("bos_token_id", vocabulary.endOfText());
        json.put("eos_token_id", vocabulary.endOfText());
        if (config.vocabulary() > vocabulary.size()) {
            json.put("suppress_tokens", IntStream.range(vocabulary.size(), config.vocabulary()).boxed().toList());
        }
        return json;
    }
}
