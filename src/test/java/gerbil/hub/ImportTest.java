package gerbil.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;
import gerbil.safetensors.SafeTensors;
import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Scale;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import gerbil.train.Child;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

class ImportTest {

    private static final Path REFERENCE = Path.of("src/test/resources/gptj-tiny");
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path folder;
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    /** Without a tokenizer. */
    private GptJ model(Path from) throws IOException {
        GptJConfig architecture = TransformersConfig.read(Import.config(from), from.resolve("config.json"));
        return Import.model(from, architecture, manager);
    }

    private float[] logits(GptJ model) throws IOException {
        JsonNode ids = JSON.readTree(REFERENCE.resolve("expected.json").toFile()).get("input_ids");
        return model.logits(manager.create(JSON.convertValue(ids, long[][].class))).toFloatArray();
    }

    @Test
    void referenceFolderComputesItsVectors() throws IOException {
        float[] expected = SafeTensors.read(REFERENCE.resolve("expected.safetensors"), manager).get("logits")
                .toFloatArray();
        assertArrayEquals(expected, logits(model(REFERENCE)), 1e-4f);
    }

    /** The reference's weights, to be written in another way beside its config.json. */
    private Map<String, NDArray> reference() throws IOException {
        Files.copy(REFERENCE.resolve("config.json"), folder.resolve("config.json"));
        return new TreeMap<>(SafeTensors.read(REFERENCE.resolve("model.safetensors"), manager));
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT16", "FLOAT64"})
    void otherFloatsBecomeFloat32(DataType type) throws IOException {
        Map<String, NDArray> weights = reference();
        weights.replaceAll((name, weight) -> weight.toType(type, false));
        SafeTensors.write(folder.resolve("model.safetensors"), weights);
        GptJ model = model(folder);
        model.weights().forEach((name, weight) -> {
            assertEquals(DataType.FLOAT32, weight.getDataType());
            assertArrayEquals(weights.get(name).toType(DataType.FLOAT32, false).toFloatArray(), weight.toFloatArray());
        });
    }

    @Test
    void bfloat16BecomesFloat32() throws IOException {
        Map<String, NDArray> weights = reference();
        ObjectNode header = JSON.createObjectNode();
        long end = 0;
        for (Map.Entry<String, NDArray> weight : weights.entrySet()) {
            ObjectNode entry = header.putObject(weight.getKey()).put("dtype", "BF16");
            entry.set("shape", JSON.valueToTree(weight.getValue().getShape().getShape()));
            entry.putArray("data_offsets").add(end).add(end += 2 * weight.getValue().size());
        }
        byte[] json = JSON.writeValueAsBytes(header);
        ByteBuffer file = ByteBuffer.allocate(8 + json.length + (int) end).order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length).put(json);
        for (NDArray weight : weights.values()) {
            for (float value : weight.toFloatArray()) {
                file.putShort((short) (Float.floatToRawIntBits(value) >>> Short.SIZE));
            }
        }
        Files.write(folder.resolve("model.safetensors"), file.array());
        model(folder).weights().forEach((name, weight) -> {
            float[] exact = weights.get(name).toFloatArray();
            float[] read = weight.toFloatArray();
            for (int i = 0; i < exact.length; i++) {
                assertEquals(Float.floatToRawIntBits(exact[i]) >>> Short.SIZE << Short.SIZE,
                        Float.floatToRawIntBits(read[i]));
            }
        });
    }

    @Test
    void shardsAndOldBuffersAreRead() throws IOException {
        Map<String, NDArray> weights = reference();
        weights.put("transformer.h.0.attn.bias", manager.ones(new Shape(1, 1, 32, 32), DataType.BOOLEAN));
        weights.put("transformer.h.2.attn.masked_bias", manager.create(-1e9f));
        shard(weights);
        assertArrayEquals(logits(model(REFERENCE)), logits(model(folder)));
    }

    private void shard(Map<String, NDArray> weights) throws IOException {
        Map<String, Map<String, NDArray>> shards = new TreeMap<>();
        weights.forEach((name, weight) -> shards.computeIfAbsent("model-" + name.length() % 3 + ".safetensors",
                file -> new LinkedHashMap<>()).put(name, weight));
        Map<String, String> map = new TreeMap<>();
        for (Map.Entry<String, Map<String, NDArray>> shard : shards.entrySet()) {
            SafeTensors.write(folder.resolve(shard.getKey()), shard.getValue());
            shard.getValue().keySet().forEach(name -> map.put(name, shard.getKey()));
        }
        Json.write(folder.resolve("model.safetensors.index.json"), Map.of("weight_map", map));
    }

    private String refused() {
        return assertThrows(GerbilException.class, () -> model(folder)).getMessage();
    }

    @Test
    void everyWrongTensorIsNamed() throws IOException {
        Map<String, NDArray> weights = reference();
        weights.remove("lm_head.bias");
        weights.remove("transformer.h.1.mlp.fc_in.weight");
        weights.put("transformer.h.0.attn.q_proj.bias", manager.create(new float[24]));
        weights.put("transformer.ln_f.bias", manager.create(new float[25]));
        weights.put("transformer.ln_f.weight", manager.create(new int[24]));
        SafeTensors.write(folder.resolve("model.safetensors"), weights);
        String message = refused();
        for (String wrong : Set.of("lm_head.bias is missing", "transformer.h.1.mlp.fc_in.weight is missing",
                "transformer.h.0.attn.q_proj.bias is unknown", "transformer.ln_f.bias has shape (25), not (24)",
                "transformer.ln_f.weight is of type int32")) {
            assertTrue(message.contains(wrong), message);
        }
    }

    @Test
    void indexesThatPromiseTooMuchAreRefused() throws IOException {
        shard(reference());
        Path index = folder.resolve("model.safetensors.index.json");
        String right = Files.readString(index);
        Files.writeString(index, right.replaceFirst("\"lm_head.bias\" : \"[^\"]*\"",
                "\"lm_head.bias\" : \"../a.safetensors\""));
        assertTrue(refused().contains("lm_head.bias in '../a.safetensors'"));
        Files.writeString(index, right.replaceFirst("lm_head.bias", "lm_head.other"));
        assertTrue(refused().contains("lm_head.other in model-"));
        Files.writeString(index, "{}");
        assertTrue(refused().contains("no weight_map"));
        Files.delete(index);
        assertTrue(refused().contains("no weights"));
        Files.delete(folder.resolve("config.json"));
        assertTrue(refused().contains("no config.json"));
    }

    /** In PyTorch's own files it has both names; transformers would not tie two that differ. */
    @Test
    void aTiedHeadMayStandBesideTheEmbedding() throws IOException {
        Map<String, NDArray> weights = reference();
        Path config = folder.resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("\"tie_word_embeddings\": false",
                "\"tie_word_embeddings\": true"));
        SafeTensors.write(folder.resolve("model.safetensors"), weights);
        assertTrue(refused().contains("lm_head.weight is another matrix than transformer.wte.weight"));
        weights.put("lm_head.weight", weights.get("transformer.wte.weight"));
        SafeTensors.write(folder.resolve("model.safetensors"), weights);
        GptJ both = model(folder);
        assertTrue(both.config().tied());
        weights.remove("lm_head.weight");
        SafeTensors.write(folder.resolve("model.safetensors"), weights);
        assertArrayEquals(logits(model(folder)), logits(both));
        weights.put("lm_head.weight", manager.zeros(new Shape(1, 2)));
        SafeTensors.write(folder.resolve("model.safetensors"), weights);
        assertTrue(refused().contains("lm_head.weight has shape (1, 2)"));
    }

    /** Refused although there are no weights: nothing but the file itself was looked at. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "model_type          | \"gpt2\"     | model_type gpt2",
        "model_type          | null         | model_type missing",
        "activation_function | \"relu\"     | activation_function is",
        "layer_norm_epsilon  | 1e-6         | layer_norm_epsilon is",
        "n_inner             | 100          | n_inner is 100",
        "rotary_dim          | null         | rotary_dim is null",
        "rotary_dim          | 5            | rotary_dim 5",
        "n_head              | 5            | 5 heads",
        "n_layer             | 1000000000   | n_layer is 1000000000",
        "n_embd              | 2.5          | n_embd is 2.5",
        "n_positions         | 99999999999  | n_positions is",
        "vocab_size          | -1           | vocab_size is -1",
        "quantization_config | {\"bits\":4} | quantization_config is"})
    void otherArchitecturesAreRefused(String setting, String value, String mentioned) throws IOException {
        ObjectNode config = (ObjectNode) JSON.readTree(REFERENCE.resolve("config.json").toFile());
        config.set(setting, JSON.readTree(value));
        JSON.writeValue(folder.resolve("config.json").toFile(), config);
        String message = refused();
        assertTrue(message.contains(mentioned), message);
    }

    @Test
    void parametersAreKnownWithoutAModel() {
        for (ModelSize size : ModelSize.of(Scale.NANO)) {
            try (GptJ model = GptJ.initialized(size.config(Objective.BLENDER), manager, 0)) {
                assertEquals(model.weights().entrySet().stream()
                        .collect(Collectors.toMap(Map.Entry::getKey, w -> w.getValue().getShape())),
                        new HashMap<>(GptJTensors.of(model.config())));
            }
        }
    }

    private Path export(Objective objective) throws IOException {
        return SmallExport.write(objective, folder.resolve(objective.label()));
    }

    /** As an editor on Windows saves them; a setting that is not read may be what only Python reads. */
    @Test
    void marksAndLineEndsOfWindowsDoNotMatter() throws IOException {
        Path exported = export(Objective.CAUSAL);
        for (String name : Set.of("config.json", "tokenizer.json", "vocab.json", "merges.txt")) {
            Path file = exported.resolve(name);
            String text = Files.readString(file).replace("\"use_cache\"", "\"limit\": Infinity,\n\"use_cache\"");
            Files.writeString(file, "\uFEFF" + text.replace("\n", "\r\n"));
        }
        Import.open(exported).close();
        Files.delete(exported.resolve("tokenizer.json"));
        Path merges = exported.resolve("merges.txt");
        Files.writeString(merges, Files.readString(merges), StandardCharsets.UTF_16);
        String message = assertThrows(GerbilException.class, () -> Import.open(exported)).getMessage();
        assertTrue(message.contains(merges + ", which is UTF-16, not UTF-8"), message);
    }

    @ParameterizedTest
    @EnumSource
    void vocabularyAndMergesAreEnough(Objective objective) throws IOException {
        Path exported = export(objective);
        Files.delete(exported.resolve("tokenizer.json"));
        Import.open(exported).close();
        Files.delete(exported.resolve("merges.txt"));
        assertTokenizerRefused(exported, "without merges.txt");
        Files.delete(exported.resolve("vocab.json"));
        assertTokenizerRefused(exported, "without tokenizer.json and vocab.json");
    }

    private static void assertTokenizerRefused(Path exported, String mentioned) {
        String message = assertThrows(GerbilException.class, () -> Import.open(exported)).getMessage();
        assertTrue(message.contains(mentioned), message);
        assertFalse(message.contains("tensor"), message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "vocab.json      | \"Ġt\":256    | \"Ġt\":257          | neither GPT-2's nor a cut",
        "vocab.json      | \"Ġt\":256,   | ''                  | neither GPT-2's nor a cut",
        "merges.txt      | Ġ t           | Ġ a                 | neither GPT-2's nor a cut",
        "tokenizer.json  | \"BPE\"       | \"Unigram\"         | which is no tokenizer",
        "tokenizer.json  | \"id\":1023   | \"id\":1022         | <|endoftext|> with the ids 1023 and 1022",
        "tokenizer.json  | \"Ġt\":256,   | ''                  | which is no tokenizer",
        "tokenizer.json  | {             | ''                  | not JSON",
        "config.json     | \"bos_token_id\" : 1023 | \"bos_token_id\" : 50256 | bos_token_id 50256",
        "config.json     | \"eos_token_id\" : 1023 | \"eos_token_id\" : 7     | eos_token_id 7",
        "config.json     | \"vocab_size\" : 1024 | \"vocab_size\" : 1000 | 1000 rows"})
    void tokenizersThatDoNotMatchAreRefused(String name, String right, String wrong, String mentioned)
            throws IOException {
        Path exported = export(Objective.CAUSAL);
        if (name.equals("vocab.json") || name.equals("merges.txt")) {
            Files.delete(exported.resolve("tokenizer.json"));
        }
        replace(exported.resolve(name), right, wrong);
        assertTokenizerRefused(exported, mentioned);
    }

    private static void replace(Path file, String right, String wrong) throws IOException {
        String text = Files.readString(file);
        int at = text.indexOf(right);
        assertTrue(at >= 0, text.substring(0, 200));
        Files.writeString(file, text.substring(0, at) + wrong + text.substring(at + right.length()));
    }

    /** Not with GPT-2's encoder, which would give other ids. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "Ġ t                      | h e",
        "\"normalizer\":null       | \"normalizer\":{\"type\":\"Lowercase\"}",
        "\"add_prefix_space\":false | \"add_prefix_space\":true"})
    void tokenizersThatAreAlmostGpt2sAreReadAsTheyAre(String right, String wrong) throws IOException {
        Path exported = export(Objective.CAUSAL);
        replace(exported.resolve("tokenizer.json"), right, wrong);
        String text = "The Time of the Tin";
        try (LanguageModel read = Import.open(exported);
                HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(exported.resolve("tokenizer.json"))) {
            assertTrue(read.vocabulary().id().startsWith("tokenizer-"), read.vocabulary().id());
            int[] ids = read.tokenizer().encode(text);
            assertArrayEquals(reference.encode(text, false, false).getIds(), Arrays.stream(ids).asLongStream().toArray());
            assertFalse(Arrays.equals(new Tokenizer(Vocabulary.cut(1_024)).encode(text), ids));
        }
    }

    /** Opening one would wait until somebody writes into it. */
    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "tokenizer.json",
        "tokenizer_config.json", "vocab.json", "merges.txt", "config.json"})
    @Timeout(300)
    void pipesInPlaceOfFilesAreRefused(String name) throws Exception {
        Path exported = export(Objective.CAUSAL);
        if (name.contains("index") || name.endsWith(".bin")) {
            Files.delete(exported.resolve("model.safetensors"));
        } else if (name.equals("vocab.json") || name.equals("merges.txt")) {
            Files.delete(exported.resolve("tokenizer.json"));
        }
        Files.deleteIfExists(exported.resolve(name));
        assertTrue(Child.succeeds("mkfifo", exported.resolve(name).toString()));
        String message = assertThrows(GerbilException.class, () -> Import.open(exported)).getMessage();
        String expected = name.equals("config.json") ? "no config.json" : name + ", which is a pipe";
        assertTrue(message.contains(expected), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tokenizer.json", "config.json", "tokenizer_config.json"})
    void nestingWithoutEndIsRefused(String name) throws IOException {
        Path exported = export(Objective.CAUSAL);
        Files.writeString(exported.resolve(name), "{\"a\":" + "[".repeat(90_000) + "]".repeat(90_000) + "}");
        assertTokenizerRefused(exported, name + " with something that is not JSON");
    }

    /** Before a weight is looked for. */
    @Test
    void modelsThatNoMemoryHoldsAreRefused() throws IOException {
        Path exported = export(Objective.CAUSAL);
        replace(exported.resolve("config.json"), "\"n_layer\" : 2", "\"n_layer\" : 1000");
        replace(exported.resolve("config.json"), "\"n_embd\" : 16", "\"n_embd\" : 65536");
        Files.delete(exported.resolve("model.safetensors"));
        assertTokenizerRefused(exported, "bytes of this machine's memory");
    }

    @Test
    void tokenizersOfOthersAreRefused() throws IOException {
        Path exported = export(Objective.BLENDER);
        Files.delete(exported.resolve("tokenizer.json"));
        Json.write(exported.resolve("added_tokens.json"), Map.of("<fitm_start>", 1030));
        assertTokenizerRefused(exported, "added_tokens.json is neither");
    }
}
