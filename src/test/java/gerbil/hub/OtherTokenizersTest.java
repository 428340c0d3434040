package gerbil.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.corpus.TextFolder;
import gerbil.kernels.Sampling;
import gerbil.model.GptJ;
import gerbil.objective.BlenderFormat;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.runs.Workspace;
import gerbil.spec.Objective;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparedTokens;
import gerbil.tokens.TokenSet;
import gerbil.train.Trainer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Models of tokenizers that are not GPT-2's, as transformers made and reads them: see {@code make.py} beside them. */
class OtherTokenizersTest {

    private static final Path FOLDERS = Path.of("src/test/resources/tokenizers");
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path temporary;

    private record Expected(List<String> texts, List<String> tagged, int[][] ids, int[][] taggedIds,
                            List<String> decoded, int[] prompt, float[] logits) {

        static Expected of(String kind) throws IOException {
            return JSON.readValue(FOLDERS.resolve(kind).resolve("expected.json").toFile(), Expected.class);
        }
    }

    private static Vocabulary open(String kind) throws IOException {
        return Vocabulary.open(FOLDERS.resolve(kind).resolve("tokenizer.json"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bpe", "unigram", "wordpiece"})
    void textsAndLogitsAreThoseOfTransformers(String kind) throws IOException {
        Expected expected = Expected.of(kind);
        try (LanguageModel model = Import.open(FOLDERS.resolve(kind));
                NDManager scratch = model.model().manager().newSubManager()) {
            Tokenizer tokenizer = model.tokenizer();
            for (int i = 0; i < expected.texts.size(); i++) {
                String text = expected.texts.get(i);
                assertArrayEquals(expected.ids[i], tokenizer.encode(text), text);
                assertArrayEquals(expected.ids[i], tokenizer.encodeTagged(text), text);
                assertEquals(expected.decoded.get(i), tokenizer.decode(expected.ids[i]));
            }
            for (int i = 0; i < expected.tagged.size(); i++) {
                String text = expected.tagged.get(i);
                assertArrayEquals(expected.taggedIds[i], tokenizer.encodeTagged(text), text);
                assertTrue(Arrays.stream(tokenizer.encode(text)).allMatch(model.vocabulary()::isText), text);
            }
            long[][] prompt = {Arrays.stream(expected.prompt).asLongStream().toArray()};
            assertArrayEquals(expected.logits, model.model().logits(scratch.create(prompt))
                    .get("0, -1").toFloatArray(), 1e-4f);
        }
    }

    /** Bits a byte are counted by them: of tokenizers that change no text, they are the text's. */
    @ParameterizedTest
    @ValueSource(strings = {"bpe", "unigram"})
    void tokensSpellTheBytesOfTheirText(String kind) throws IOException {
        Tokenizer tokenizer = new Tokenizer(open(kind));
        for (String text : List.of("Hello world, 12", "日本語 👍🏽 Größe", "a < b && c")) {
            int[] ids = tokenizer.encode(text);
            String spelled = tokenizer.continuation(ids);
            assertEquals(kind.equals("unigram") ? " " + text : text, spelled);
            assertEquals(spelled.getBytes(StandardCharsets.UTF_8).length,
                    Arrays.stream(ids).map(id -> tokenizer.vocabulary().bytes(id).length).sum());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bpe", "unigram", "wordpiece"})
    void exportsWithBlendersTokensComeBack(String kind) throws IOException {
        Vocabulary text = open(kind);
        Vocabulary blender = text.withSpecialTokens();
        assertEquals(text.sha256(), blender.sha256());
        assertEquals(text.size() + 7, blender.size());
        try (LanguageModel read = Import.open(FOLDERS.resolve(kind))) {
            GptJ wide = GptJ.initialized(read.model().config().withVocabulary(blender.size()),
                    read.model().manager(), 1);
            LanguageModel model = new LanguageModel(wide, blender);
            Path exported = temporary.resolve(kind);
            Export.write(model, Cards.of("40k-blender"), exported);
            try (LanguageModel back = Import.open(exported)) {
                assertTrue(back.vocabulary().hasSpecialTokens());
                assertEquals(blender.tokenizerJson(), back.vocabulary().tokenizerJson());
                assertEquals(blender.id(), back.vocabulary().id());
                assertEquals(text.sha256(), back.vocabulary().sha256());
                int[] ids = back.tokenizer().encodeTagged("  <causal> some text");
                assertEquals(blender.id(SpecialToken.CAUSAL), ids[0]);
                assertArrayEquals(new BlenderFormat(blender).causalPrompt(
                        Arrays.copyOfRange(ids, 1, ids.length)), ids);
                assertEquals(model.continueText("some text", 5, Sampling.GREEDY, 1),
                        back.continueText("some text", 5, Sampling.GREEDY, 1));
            }
        }
    }

    private Path corpus() throws IOException {
        Path texts = Files.createDirectories(temporary.resolve("texts"));
        for (int i = 0; i < 600; i++) {
            Files.writeString(texts.resolve(i + ".txt"), "Call me Ishmael, number " + i + ", says </s> <|endoftext|> x");
        }
        return texts;
    }

    private PreparedTokens prepare(Vocabulary vocabulary) throws IOException {
        return Preparation.prepare(TextFolder.open(corpus()), vocabulary, temporary.resolve("tokens"), Long.MAX_VALUE,
                Workspace.HELD_OUT_TOKENS, 0, Progress.NONE);
    }

    @Test
    void aTextThatATokenizerCannotEncodeIsTold() throws IOException {
        Path file = Files.writeString(temporary.resolve("tokenizer.json"), """
                {"version": "1.0", "added_tokens": [{"id": 0, "content": "</s>", "special": true, "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false}],
                "model": {"type": "WordLevel", "vocab": {"</s>": 0, "known": 1}, "unk_token": "[UNK]"}}""");
        Tokenizer tokenizer = new Tokenizer(Vocabulary.open(file));
        assertArrayEquals(new int[] {1}, tokenizer.encode("known"));
        String message = assertThrows(GerbilException.class, () -> tokenizer.encode("other")).getMessage();
        assertTrue(message.contains("[UNK]") && message.contains("unk_token"), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"bpe", "unigram"})
    void heldOutDocumentsAreTheSameInAnyVocabulary(String kind) throws IOException {
        TokenSet cut = prepare(Vocabulary.cut(300)).heldout();
        TokenSet other = Preparation.prepare(TextFolder.open(temporary.resolve("texts")), open(kind),
                temporary.resolve("other"), Long.MAX_VALUE, cut.tokensIn(open(kind), Integer.MAX_VALUE), 0,
                Progress.NONE).heldout();
        assertEquals(cut.manifest().documents(), other.manifest().documents());
        assertEquals(cut.manifest().textBytes(), other.manifest().textBytes());
        assertEquals(cut.tokens(), cut.tokensIn(cut.vocabulary(), Integer.MAX_VALUE));
        assertEquals(100, cut.tokensIn(cut.vocabulary(), 100));
    }

    @ParameterizedTest
    @ValueSource(strings = {"bpe", "unigram"})
    void aRunNeedsItsTokenSetNoMoreOnceItIsTrained(String kind) throws IOException {
        PreparedTokens tokens = prepare(open(kind));
        Vocabulary vocabulary = tokens.train().vocabulary();
        assertEquals(open(kind).id(), vocabulary.id());
        for (Objective objective : Objective.values()) {
            RunSpec spec = Workspace.spec("40k", "A", objective, tokens);
            assertEquals(objective == Objective.CAUSAL ? vocabulary.size() : vocabulary.size() + 7,
                    spec.config().vocabulary());
            assertEquals(20 * spec.withArchitecture(spec.config().withVocabulary(vocabulary.size())).config()
                    .parameters(), spec.tokens());
            RunResult result = Trainer.of(spec.withBatch(256, 64).withTokens(1_024), tokens,
                    temporary.resolve("runs"), TrainingListener.NONE).run();
            assertTrue(result.bitsPerByte() > 1 && result.bitsPerByte() < 20, "" + result.bitsPerByte());
        }
        Files.move(tokens.folder(), temporary.resolve("elsewhere"));
        try (Stream<Path> runs = Files.walk(temporary.resolve("runs"))) {
            for (Path run : runs.filter(f -> f.endsWith("run.json")).toList()) {
                try (TrainedModel model = TrainedModel.open(RunDirectory.open(run.getParent()))) {
                    assertEquals(vocabulary.sha256(), model.vocabulary().sha256());
                    assertTrue(model.continueText("Call me", 8, Sampling.GREEDY, 1).startsWith("Call me"));
                    Path exported = temporary.resolve(model.spec().runId());
                    Export.write(model, model.card(), exported);
                    try (LanguageModel back = Import.open(exported)) {
                        assertEquals(model.sha256(), back.sha256());
                        assertEquals(model.vocabulary().tokenizerJson(), back.vocabulary().tokenizerJson());
                    }
                }
            }
        }
    }

    /** Its model has the size's own architecture. */
    @Test
    void aTokenizerAsLargeAsTheScalesOwnIsTrainedWith() throws IOException {
        Path file = temporary.resolve("tokenizer.json");
        ObjectNode json = (ObjectNode) JSON.readTree(FOLDERS.resolve("wordpiece/tokenizer.json").toFile());
        ObjectNode vocab = (ObjectNode) json.path("model").path("vocab");
        IntStream.range(vocab.size(), 1_024).forEach(id -> vocab.put("word" + id, id));
        Json.write(file, json);
        Json.write(temporary.resolve("tokenizer_config.json"), Map.of("eos_token", "[SEP]"));
        PreparedTokens tokens = prepare(Vocabulary.open(file));
        RunSpec spec = Workspace.spec("40k", "A", tokens).withBatch(256, 64).withTokens(1_024);
        assertNull(spec.architecture());
        RunResult result = Trainer.of(spec, tokens, temporary.resolve("runs"), TrainingListener.NONE).run();
        assertTrue(result.bitsPerByte() > 1 && result.bitsPerByte() < 20, "" + result.bitsPerByte());
    }

    @Test
    void tokensOfAnotherTokenizerAreRefused() throws IOException {
        PreparedTokens tokens = prepare(open("bpe"));
        RunSpec spec = Workspace.spec("40k", "A", tokens);
        assertRefused(() -> Trainer.of(spec.withArchitecture(null), tokens, temporary, TrainingListener.NONE),
                "tokens of the vocabulary " + open("bpe").id());
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(FOLDERS.resolve("unigram").resolve(file), tokens.train().folder().resolve(file),
                    StandardCopyOption.REPLACE_EXISTING);
        }
        assertRefused(tokens.train()::vocabulary, "the tokenizer " + open("unigram").id(), open("bpe").id());
        Files.delete(tokens.train().folder().resolve("tokenizer.json"));
        assertRefused(tokens.train()::vocabulary, "no tokenizer.json in " + tokens.train().folder());
    }

    @Test
    void whatIsNoTokenizerForTrainingIsRefused() throws IOException {
        assertRefused(() -> Vocabulary.open(FOLDERS.resolve("bpe/config.json")), "config.json, which is no tokenizer");
        assertRefused(() -> Vocabulary.open(FOLDERS.resolve("make.py")), "not JSON");
        Path file = temporary.resolve("tokenizer.json");
        ObjectNode json = (ObjectNode) JSON.readTree(FOLDERS.resolve("wordpiece/tokenizer.json").toFile());
        ObjectNode vocab = (ObjectNode) json.path("model").path("vocab");
        Json.write(file, json);
        assertRefused(() -> Vocabulary.open(file), "a tokenizer without an end of text");
        Json.write(temporary.resolve("tokenizer_config.json"), Map.of("eos_token", "[EOF]"));
        assertRefused(() -> Vocabulary.open(file), "a tokenizer without [EOF]");
        Json.write(temporary.resolve("tokenizer_config.json"), Map.of("eos_token", Map.of("content", "[SEP]")));
        assertEquals(vocab.path("[SEP]").asInt(), Vocabulary.open(file).endOfText());
        IntStream.range(vocab.size(), 65_530).forEach(id -> vocab.put("word" + id, id));
        Json.write(file, json);
        Vocabulary large = Vocabulary.open(file);
        assertEquals(65_530, large.size());
        assertRefused(large::withSpecialTokens, "65530 ids", "train a causal model");
        vocab.put("one too many", 65_536);
        Json.write(file, json);
        assertRefused(() -> Vocabulary.open(file), "a tokenizer of 65537 ids", "at most 65536");
    }

    private static void assertRefused(Executable refused, String... mentioned) {
        String message = assertThrows(GerbilException.class, refused).getMessage();
        for (String text : mentioned) {
            assertTrue(message.contains(text), message);
        }
        assertFalse(message.lines().count() > 1, message);
    }
}
