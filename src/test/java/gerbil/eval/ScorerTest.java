package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.GerbilException;
import gerbil.kernels.TokenWindow;
import gerbil.model.GptJ;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Where texts are cut, and what is asked in the tasks, is held against what lm-evaluation-harness made of the same
 * items.
 */
class ScorerTest {

    private static final Path TASKS = Path.of("src/test/resources/evaluation");

    private static NDManager manager;
    private static Scorer scorer;

    @BeforeAll
    static void open() {
        manager = NDManager.newBaseManager();
        scorer = new Scorer(SomeModel.create(manager), SomeModel.TOKENIZER);
    }

    /** As editors on Windows save them, and with what Python writes into fields that no task reads. */
    @Test
    void marksAndFieldsThatAreNotReadDoNotMatter(@TempDir Path folder) throws IOException {
        String lines = "{\"text\": \"a b\", \"score\": NaN}\r\n{\"text\": \"c\", \"id\": " + "9".repeat(1_500)
                + "}\r\n";
        Path file = Files.writeString(folder.resolve("a.jsonl"), "\uFEFF" + lines);
        assertEquals(List.of("a b", "c"), TaskLine.read(file, 9).stream().map(line -> line.text("text")).toList());
        Files.writeString(file, lines, StandardCharsets.UTF_16);
        String message = assertThrows(GerbilException.class, () -> TaskLine.read(file, 9)).getMessage();
        assertTrue(message.contains(file + ", which is UTF-16, not UTF-8"), message);

        Files.writeString(file, Files.readString(TASKS.resolve("piqa.jsonl")).replaceAll(", \"label\": *\\d", ""));
        long items = Files.readString(file).lines().count();
        Path labels = folder.resolve("a-labels.lst");
        Files.writeString(labels, "\uFEFF" + "1\r\n".repeat((int) items));
        assertEquals(items, Task.of("piqa").score(scorer, file, 99).items());
    }

    @AfterAll
    static void close() {
        manager.close();
    }

    private static JsonNode harness(String task) throws IOException {
        return new ObjectMapper().readTree(TASKS.resolve("harness.json").toFile()).get(task);
    }

    @ParameterizedTest
    @ValueSource(strings = {"hellaswag", "winogrande", "piqa"})
    void choicesAreTheHarnesss(String task) throws IOException {
        List<MultipleChoice.Question> questions =
                ((MultipleChoice) Task.of(task)).questions(Task.of(task).in(TASKS), Integer.MAX_VALUE);
        JsonNode expected = harness(task);
        assertEquals(expected.size(), questions.size());
        for (int i = 0; i < questions.size(); i++) {
            assertEquals(expected.get(i).get("answer").asInt(), questions.get(i).answer());
            assertContinuations(expected.get(i).get("requests"), questions.get(i).continuations());
        }
    }

    @Test
    void passagesAreTheHarnesss() throws IOException {
        JsonNode expected = harness("lambada_openai");
        List<TaskLine> lines = TaskLine.read(TASKS.resolve("lambada_openai.jsonl"), Integer.MAX_VALUE);
        assertEquals(expected.size(), lines.size());
        for (int i = 0; i < lines.size(); i++) {
            assertContinuations(expected.get(i).get("requests"), List.of(LastWord.continuation(lines.get(i))));
        }
    }

    private static void assertContinuations(JsonNode requests, List<Continuation> continuations) {
        assertEquals(requests.size(), continuations.size());
        for (int i = 0; i < requests.size(); i++) {
            JsonNode request = requests.get(i);
            assertEquals(new Continuation(request.get("context").asText(), request.get("text").asText()),
                    continuations.get(i));
            TokenWindow window = scorer.window(continuations.get(i));
            assertArrayEquals(end(ids(request.get("context_ids")), SomeModel.POSITIONS
                    + 1 - window.continuation().length),
                    window.context());
            assertArrayEquals(ids(request.get("text_ids")), window.continuation());
        }
    }

    private static int[] ids(JsonNode array) {
        return IntStream.range(0, array.size()).map(i -> array.get(i).asInt()).toArray();
    }

    private static int[] end(int[] ids, int length) {
        return Arrays.copyOfRange(ids, Math.max(0, ids.length - length), ids.length);
    }

    @Test
    void wordsAndBytesAreCountedAsTheHarnessDoes() throws IOException {
        JsonNode expected = harness("text");
        List<TaskLine> lines = TaskLine.read(TASKS.resolve("text.jsonl"), Integer.MAX_VALUE);
        for (int i = 0; i < lines.size(); i++) {
            assertEquals(new Perplexity(-1, expected.get(i).get("words").asLong(),
                    expected.get(i).get("bytes").asLong()),
                    Perplexity.of(lines.get(i).text("text"), -1));
        }
    }

    /** Context and continuation of each window, as the harness's get_rolling_token_windows and make_disjoint_window. */
    @ParameterizedTest
    @CsvSource({"0, ''", "1, '1+1'", "64, '1+64'", "65, '1+64 64+1'", "128, '1+64 1+64'", "130, '1+64 1+64 63+2'"})
    void longTextsAreReadThroughWindows(int tokens, String expected) {
        int[] ids = IntStream.range(0, tokens).toArray();
        List<TokenWindow> windows = scorer.rollingWindows(ids);
        assertEquals(expected, String.join(" ", windows.stream()
                .map(w -> w.context().length + "+" + w.continuation().length).toList()));
        List<Integer> scored = new ArrayList<>();
        for (TokenWindow window : windows) {
            int first = window.continuation()[0];
            for (int i = 0; i < window.context().length; i++) {
                int id = first - window.context().length + i;
                assertEquals(id < 0 ? SomeModel.VOCABULARY.endOfText() : id, window.context()[i]);
            }
            Arrays.stream(window.continuation()).forEach(scored::add);
        }
        assertEquals(IntStream.range(0, tokens).boxed().toList(), scored);
    }

    @Test
    void perplexitiesAreOfTheSumOfAllTexts() {
        List<String> texts = List.of("The first text.", " the second\n", "");
        Perplexity all = scorer.perplexity(texts);
        double nats = scorer.logLikelihoods(List.of(new Continuation("", texts.get(0)), new Continuation("",
                texts.get(1))))
                .stream().mapToDouble(LogLikelihood::nats).sum();
        assertEquals(nats, all.nats(), 1e-3);
        assertEquals(3 + 4 + 1, all.words());
        assertEquals(15 + 12, all.bytes());
        assertEquals(-nats / 27 / Math.log(2), all.bitsPerByte(), 1e-4);
        assertEquals(Math.pow(2, all.bitsPerByte()), all.bytePerplexity(), 1e-6);
        assertEquals(Math.pow(all.bytePerplexity(), 27.0 / 8), all.wordPerplexity(), 1e-6 * all.wordPerplexity());
    }

    @Test
    void noTextHasNoPerplexity(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("text.jsonl"), "{\"text\": \"\"}\n");
        GerbilException refused = assertThrows(GerbilException.class, () -> RollingText.TEXT.score(scorer, file, 1));
        assertTrue(refused.getMessage().contains(file + " without any text"), refused.getMessage());
    }

    @Test
    void specialTokensInTextAreTokens() {
        Vocabulary vocabulary = SomeModel.VOCABULARY.withSpecialTokens();
        int endOfText = vocabulary.endOfText();
        assertArrayEquals(Scorer.concat(SomeModel.TOKENIZER.encode("a "),
                Scorer.concat(new int[] {endOfText, endOfText}, SomeModel.TOKENIZER.encode("<causal>"))),
                read(scorer, "a <|endoftext|><|endoftext|><causal>"));
        try (GptJ blender = GptJ.initialized(ModelSize.of("40k").config(Objective.BLENDER), manager, 0)) {
            assertArrayEquals(Scorer.concat(SomeModel.TOKENIZER.encode("a"),
                    Scorer.concat(new int[] {vocabulary.id(SpecialToken.CAUSAL)}, SomeModel.TOKENIZER.encode(" b"))),
                    read(new Scorer(blender, new Tokenizer(vocabulary)), "a \n<causal> b"));
        }
    }

    private static int[] read(Scorer scorer, String text) {
        return scorer.window(new Continuation("", text)).continuation();
    }

    @Test
    void continuationsThatCannotBeScoredAreRefused() {
        for (Continuation wrong : List.of(new Continuation("context", ""), new Continuation("", ""),
                new Continuation("context", " word".repeat(80)))) {
            GerbilException refused = assertThrows(GerbilException.class, () -> scorer.logLikelihoods(List.of(wrong)));
            assertTrue(refused.getMessage().contains("a continuation of "), refused.getMessage());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "hellaswag      | ` `                                                        | without an item",
        "lambada_openai | {\"text\":                                                 | line 1",
        "lambada_openai | [1]                                                        | a ARRAY in line 1",
        "lambada_openai | {\"txt\": \"a\"}                                           | text  in line 1",
        "piqa           | {\"goal\":\"a\",\"sol1\":\"b\",\"sol2\":\"c\"}             | no label",
        "piqa           | {\"goal\":\"a\",\"sol1\":\"b\",\"sol2\":\"c\",\"label\":2} | label '2'",
        "piqa           | {\"goal\":\"a\",\"sol1\":\"b\",\"sol2\":1,\"label\":1}     | sol2 1",
        "winogrande     | {\"sentence\":\"a\",\"option1\":\"b\",\"option2\":\"c\",\"answer\":\"1\"} | the sentence 'a'",
        "winogrande     | {\"sentence\":\"_\",\"option1\":\"b\",\"option2\":\"c\",\"answer\":\"\"}  | answer ''",
        "hellaswag      | {\"activity_label\":\"a\",\"ctx_a\":\"b\",\"ctx_b\":\"c\",\"endings\":[],\"label\":0} | endings []",
        "hellaswag      | {\"activity_label\":\"a\",\"ctx_a\":\"b\",\"ctx_b\":\"c\",\"endings\":[\"d\"],\"label\":1} | label '1'"})
    void itemsInAnotherFormatAreToldByTheirLine(String task, String line, String mentioned,
                                                @org.junit.jupiter.api.io.TempDir Path folder) throws IOException {
        Path file = Task.of(task).in(folder);
        Files.writeString(file, line + "\n");
        GerbilException refused = assertThrows(GerbilException.class, () -> Task.of(task).score(scorer, file, 5));
        assertTrue(refused.getMessage().contains(mentioned) && refused.getMessage().contains(file.toString()),
                refused.getMessage());
    }

    @Test
    void labelsMayStandInAFileOfTheirOwn(@org.junit.jupiter.api.io.TempDir Path folder) throws IOException {
        Path file = folder.resolve("valid.jsonl");
        Files.writeString(file, "{\"goal\":\"a\",\"sol1\":\"b\",\"sol2\":\"c\"}\n".repeat(2));
        Files.writeString(folder.resolve("valid-labels.lst"), "1\n0\n");
        TaskResult result = Task.of("piqa").score(scorer, file, 9);
        assertEquals(0.5, result.metrics().get("acc"));
        assertEquals(0.5, result.metrics().get("acc_stderr"), 1e-12);
        assertEquals(0.5, result.chance());
        assertTrue(result.toString().matches("piqa, 2 items: acc 0\\.5000 ± 0\\.5000, acc_norm \\d\\.\\d{4} ± "
                + "\\d\\.\\d{4}; by chance 0\\.5000"), result.toString());
    }
}
