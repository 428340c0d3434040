package gerbil.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.Json;
import gerbil.kernels.Generator;
import gerbil.kernels.Sampling;
import gerbil.model.GptJ;
import gerbil.safetensors.SafeTensors;
import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.tokenizer.Texts;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Exports in real transformers, and what it saves here; the Python side is environment/peers/transformers_oracle.py.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@EnabledIfEnvironmentVariable(named = PeersTest.PYTHON, matches = ".+",
        disabledReason = "environment/test --peers runs it")
class PeersTest {

    static final String PYTHON = "GERBIL_PEERS_PYTHON";

    private static final List<String> SIZES = List.of("40k", "92k", "183k", "3.3m", "6.7m", "15m", "32m",
            "92k-blender", "3.3m-blender", "92k-tied");
    private static final List<String> SAVES = List.of("float32", "float16", "bfloat16", "sharded", "pickled",
            "pickled-with-masks", "pickled-views");
    private static final List<String> TIED_SAVES = List.of("float32", "bfloat16", "sharded", "pickled");
    private static final String SAVED_SIZE = "92k";
    private static final String BLENDER = "92k-blender";
    private static final String TIED = "92k-tied";
    private static final double BOUND = 1e-4;
    private static final int NEW_TOKENS = 48;
    private static final int PROMPT = 64;

    /** Spaces, line ends, contractions, digits, scripts, marks, emoji of several code points, and half a character. */
    private static final List<String> TEXTS = List.of("", " ", "  ", "\n\n\n", " \n \t ", "a  b   c", "trailing   ",
            "It's we'll they've I'M 'tis ''s", "x1y22z333 4,444.55", "naïve façade, cafe\u0301", "日本語のテキスト、한국어 文",
            "عربى עברית हिन्दी ไทย", "👩‍👩‍👧‍👦🏳️‍🌈👍🏽", "\u00a0\u2003\u3000\u200b\ufeff.", "\u0000\u0001\u007f\u0085",
            "public static void main(String[] args) {\n\treturn;\n}\n", "<|endoftext", "<mlm_start>", "ﬁﬂ Ⅷ ½ ٣ 〇",
            "a\r\nb\rc", "_____-----=====.....", "{\"key\": [1, 2.0e-5, null]}", "İıſK", "𝒳𝓎𝔷 𐍈");

    private static final List<String> TAGGED = Texts.spaced(500, 11, Texts.TAGS);

    private Path folder;
    private NDManager manager;

    private record Request(int[] ids, int newTokens, List<String> texts, List<String> saves) {
    }

    @BeforeAll
    void ask(@TempDir Path temporary) throws IOException, InterruptedException {
        folder = temporary;
        manager = NDManager.newBaseManager();
        List<String> command = new ArrayList<>(List.of(System.getenv(PYTHON),
                Path.of("environment/peers/transformers_oracle.py").toAbsolutePath().toString()));
        for (String size : SIZES) {
            Path export = folder.resolve(size);
            try (LanguageModel model = model(size)) {
                Export.write(model, Cards.of(size), export);
                Json.write(export.resolve("request.json"), new Request(prompt(model), NEW_TOKENS,
                        texts(model), saves(size)));
            }
            command.add(export.toString());
        }
        Path log = folder.resolve("log");
        ProcessBuilder python = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
        python.environment().put("HF_HUB_OFFLINE", "1");
        assertEquals(0, python.start().waitFor(), () -> read(log));
    }

    private static List<String> texts(LanguageModel model) {
        List<String> prompts = model.vocabulary().hasSpecialTokens() ? TaggedPrompt.texts() : List.of();
        return Stream.of(TEXTS, TAGGED, prompts).flatMap(List::stream).toList();
    }

    private static List<String> saves(String size) {
        return size.equals(SAVED_SIZE) ? SAVES : size.equals(TIED) ? TIED_SAVES
                : size.equals(BLENDER) ? List.of("float32") : List.of();
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
    }

    @AfterAll
    void close() {
        manager.close();
    }

    /** Every weight and bias is other than initial, and large enough for logits to differ. */
    private LanguageModel model(String name) {
        Objective objective = name.endsWith("blender") ? Objective.BLENDER : Objective.CAUSAL;
        ModelSize size = ModelSize.of(name.replaceFirst("-.*", ""));
        GptJConfig config = size.config(objective);
        GptJ model = GptJ.initialized(name.equals(TIED) ? config.withTiedHead(true) : config, manager, 7);
        try (NDManager scratch = manager.newSubManager()) {
            model.weights().values().forEach(weight -> {
                NDArray noise = scratch.randomNormal(0, 0.1f, weight.getShape(), DataType.FLOAT32);
                weight.stopGradient().set(new NDIndex("..."),
                        weight.getShape().dimension() == 2 ? weight.mul(8) : weight.add(noise));
            });
        }
        Vocabulary text = Vocabulary.cut(size.scale().vocabularySize());
        return new LanguageModel(model, objective == Objective.BLENDER ? text.withSpecialTokens() : text);
    }

    private static int[] prompt(LanguageModel model) {
        return new SplittableRandom(3).ints(PROMPT, 0, model.vocabulary().size()).toArray();
    }

    private JsonNode oracle(String size) throws IOException {
        return new ObjectMapper().readTree(folder.resolve(size).resolve("oracle.json").toFile());
    }

    private void assertSameLogits(Path answered, GptJ model, int[] ids) throws IOException {
        try (NDManager scratch = manager.newSubManager()) {
            NDArray theirs = SafeTensors.read(answered.resolve("oracle.safetensors"), scratch).get("logits");
            NDArray ours = model.logits(scratch.create(Arrays.stream(ids).asLongStream().toArray(),
                    new Shape(1, ids.length))).get(0);
            double difference = ours.sub(theirs).abs().max().getFloat();
            assertTrue(difference < BOUND, answered + " differs by " + difference);
            assertTrue(theirs.max().getFloat() - theirs.min().getFloat() > 1, "logits that differ");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"40k", "92k", "183k", "3.3m", "6.7m", "15m", "32m", "92k-blender", "3.3m-blender",
        "92k-tied"})
    void exportsLoadWithoutAWordAndComputeTheSame(String size) throws IOException {
        JsonNode oracle = oracle(size);
        assertEquals("[]", oracle.get("complaints").toString());
        assertEquals("GPTJForCausalLM", oracle.get("model").asText());
        try (LanguageModel model = model(size)) {
            assertEquals(model.vocabulary().size(), oracle.get("entries").asInt());
            int[] prompt = prompt(model);
            assertSameLogits(folder.resolve(size), model.model(), prompt);
            int[] ours = new Generator(model.model(), model.vocabulary().size()).generate(prompt, NEW_TOKENS,
                    Sampling.GREEDY, 0, id -> id == model.vocabulary().endOfText());
            assertArrayEquals(new ObjectMapper().convertValue(oracle.get("greedy"), int[].class), ours);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"92k", "3.3m"})
    void textsBecomeTheSameIds(String size) throws IOException {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.cut(ModelSize.of(size).scale().vocabularySize()));
        JsonNode oracle = oracle(size);
        for (int i = 0; i < TEXTS.size(); i++) {
            assertArrayEquals(encoded(oracle, i), tokenizer.encode(TEXTS.get(i)), TEXTS.get(i));
            assertEquals(TEXTS.get(i), oracle.get("decoded").get(i).asText());
        }
    }

    private static int[] encoded(JsonNode oracle, int text) {
        return new ObjectMapper().convertValue(oracle.get("encoded").get(text), int[].class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"92k", "3.3m", "92k-blender", "3.3m-blender"})
    void textsWithTagsBecomeTheSameIds(String size) throws IOException {
        JsonNode oracle = oracle(size);
        try (LanguageModel model = model(size)) {
            for (int i = 0; i < TAGGED.size(); i++) {
                assertArrayEquals(encoded(oracle, TEXTS.size() + i), model.tokenizer().encodeTagged(TAGGED.get(i)),
                        TAGGED.get(i));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"92k-blender", "3.3m-blender"})
    void holesAndMasksBecomeTheIdsOfTheWholePrompt(String size) throws IOException {
        JsonNode oracle = oracle(size);
        try (LanguageModel model = model(size)) {
            for (int i = 0; i < TaggedPrompt.ALL.size(); i++) {
                TaggedPrompt prompt = TaggedPrompt.ALL.get(i);
                assertArrayEquals(encoded(oracle, TEXTS.size() + TAGGED.size() + i), prompt.ids().apply(model),
                        prompt.text());
            }
        }
    }

    @Test
    void specialTokensComeBack() throws IOException {
        Path answered = folder.resolve(BLENDER).resolve("float32");
        try (LanguageModel model = Import.open(answered)) {
            assertTrue(model.vocabulary().hasSpecialTokens());
            assertSameLogits(answered, model.model(), prompt(model));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"float32", "float16", "bfloat16", "sharded", "pickled", "pickled-with-masks",
        "pickled-views"})
    void whatTransformersSavesIsReadHere(String saved) throws IOException {
        Path answered = folder.resolve(SAVED_SIZE).resolve(saved);
        try (LanguageModel model = Import.open(answered)) {
            assertEquals("gpt2-1024", model.vocabulary().id());
            assertSameLogits(answered, model.model(), prompt(model));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"float32", "bfloat16", "sharded", "pickled"})
    void aTiedHeadStaysTied(String saved) throws IOException {
        Path answered = folder.resolve(TIED).resolve(saved);
        try (LanguageModel model = Import.open(answered)) {
            assertTrue(model.model().config().tied());
            assertSameLogits(answered, model.model(), prompt(model));
        }
    }

    @Test
    void shardsAreSeveral() throws IOException {
        try (var files = Files.list(folder.resolve(SAVED_SIZE).resolve("sharded"))) {
            assertTrue(files.filter(f -> f.toString().endsWith(".safetensors")).count() > 3);
        }
    }
}
