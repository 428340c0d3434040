package gerbil.hub;

import com.fasterxml.jackson.databind.JsonNode;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;
import gerbil.tokenizer.Vocabulary;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/** {@code config.json} and {@code generation_config.json} of transformers' {@code GPTJForCausalLM}. */
final class TransformersConfig {

    private static final int SHOWN = 60;
    /** Far above any GPT-J; they bound what a hostile file can make the kit allocate before weights are looked at. */
    private static final int MOST_ROWS = 1 << 24;
    private static final int MOST_WIDTH = 1 << 16;
    private static final int MOST_POSITIONS = 1 << 16;

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
        json.put("n_positions", config.contextLength());
        json.put("rotary_dim", config.rotaryDim());
        json.put("tie_word_embeddings", config.tied());
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

    /**
     * @throws GerbilException naming every setting by which the file describes another architecture than this kit's
     */
    static GptJConfig read(JsonNode json, Path file) {
        String type = json.path("model_type").asText("missing");
        if (type.equals("encoder-decoder")) {
            throw new GerbilException(file.getParent() + ", an encoder-decoder, as a model that continues text",
                    "a decoder alone",
                    "let it answer a text (gerbil.seq2seq.Seq2SeqModel), or take the model that it began with");
        }
        if (!type.equals("gptj")) {
            throw new GerbilException(file + " with model_type " + shown(type), "gptj",
                    "choose a model of the GPT-J architecture");
        }
        List<String> wrong = new ArrayList<>();
        int vocabulary = number(json, "vocab_size", MOST_ROWS, wrong);
        int width = number(json, "n_embd", MOST_WIDTH, wrong);
        int layers = number(json, "n_layer", GptJConfig.MOST_LAYERS, wrong);
        int heads = number(json, "n_head", MOST_WIDTH, wrong);
        int contextLength = number(json, "n_positions", MOST_POSITIONS, wrong);
        int rotary = number(json, "rotary_dim", MOST_WIDTH, wrong);
        require(json, "activation_function", n -> n.asText().equals("gelu_new"), "gelu_new", wrong);
        require(json, "layer_norm_epsilon", n -> n.asDouble() == 1e-5, "1e-05", wrong);
        require(json, "n_inner", n -> n.asLong() == 4L * width, "four times n_embd", wrong);
        require(json, "quantization_config", JsonNode::isNull, "none", wrong);
        if (!wrong.isEmpty()) {
            throw new GerbilException(file + " in which " + String.join(", ", wrong),
                    "the architecture of the Gerbil models", "choose another model");
        }
        return new GptJConfig(vocabulary, width, layers, heads, rotary, contextLength,
                json.path("tie_word_embeddings").asBoolean());
    }

    private static int number(JsonNode json, String name, int most, List<String> wrong) {
        JsonNode value = json.path(name);
        if (!value.canConvertToInt() || !value.isIntegralNumber() || value.asInt() < 1 || value.asInt() > most) {
            wrong.add(name + " is " + (value.isMissingNode() ? "missing" : shown(value.toString())
                    + ", not a number from 1 to " + most));
        }
        return value.asInt();
    }

    /** A setting that is absent or null has transformers' default, which is this kit's. */
    private static void require(JsonNode json, String name, Predicate<JsonNode> right, String expected,
                                List<String> wrong) {
        JsonNode value = json.path(name);
        if (!value.isMissingNode() && !value.isNull() && !right.test(value)) {
            wrong.add(name + " is " + shown(value.toString()) + ", not " + expected);
        }
    }

    private static String shown(String text) {
        return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
    }
}
