package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.Progress;
import gerbil.cli.Gerbil;
import gerbil.corpus.TextFolder;
import gerbil.hub.Export;
import gerbil.hub.Import;
import gerbil.hub.LanguageModel;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.runs.Workspace;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.spec.Scale;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparedTokens;
import gerbil.train.Trainer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Three ways to the same numbers on the same items: the real lm-evaluation-harness on an export, the same on the
 * endpoint, and this library's own scorer.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@EnabledIfEnvironmentVariable(named = HarnessTest.PYTHON, matches = ".+",
        disabledReason = "environment/test --peers runs it")
class HarnessTest {

    static final String PYTHON = "GERBIL_HARNESS_PYTHON";

    private static final double BOUND = 1e-3;
    private static final int STEPS = 150;
    private static final ObjectMapper JSON = new ObjectMapper();

    private Path folder;
    private Path export;
    private Path files;
    private final Map<String, TaskResult> own = new HashMap<>();

    private static String sentence(int i) {
        return "On day " + i + " the gerbil ran " + i * 7 % 13 + " rounds.";
    }

    /** A model that has learned a sentence, so that it is right about something. */
    @BeforeAll
    void train(@TempDir Path temporary) throws IOException {
        folder = temporary;
        export = folder.resolve("export");
        files = Files.createDirectory(folder.resolve("files"));
        Path texts = Files.createDirectory(folder.resolve("texts"));
        Files.write(texts.resolve("sentences.jsonl"), IntStream.range(0, 2_000)
                .mapToObj(i -> "{\"text\": \"" + sentence(i) + "\"}").toList());
        PreparedTokens tokens = Preparation.prepare(TextFolder.open(texts), Workspace.vocabulary(Scale.NANO),
                folder.resolve("tokens"), 20_000, 1_000, 0, Progress.NONE);
        ModelSize size = ModelSize.of("40k");
        RunSpec spec = RunSpec.of(size, BudgetClass.A, Objective.CAUSAL, 0, tokens.train().manifest().tokenizer(),
                tokens.train().hash(), tokens.heldout().hash()).withTokens((long) STEPS * size.batchTokens());
        Trainer.of(spec, tokens, folder, TrainingListener.NONE).run();
        try (TrainedModel model = TrainedModel.open(RunDirectory.of(folder, spec))) {
            Export.write(model, model.card(), export);
        }
        for (Task task : Task.ALL) {
            Files.copy(task.in(Path.of("src/test/resources/evaluation")), task.in(files));
        }
        Files.write(Task.of("lambada_openai").in(files), List.of(
                "{\"text\": \"" + sentence(12) + "\"}", "{\"text\": \"" + sentence(900) + "\"}"),
                StandardOpenOption.APPEND);
        try (LanguageModel model = Import.open(export)) {
            Scorer scorer = new Scorer(model.model(), model.tokenizer());
            for (Task task : Task.ALL) {
                own.put(task.name(), task.score(scorer, task.in(files), Integer.MAX_VALUE));
            }
        }
        double right = own.get("lambada_openai").metrics().get("acc");
        assertTrue(right > 0 && right < 1, "the comparison of greedy answers would be empty: " + right);
    }

    @ParameterizedTest
    @CsvSource({"export, tokens", "endpoint, tokens", "endpoint, text"})
    void theHarnessAgrees(String through, String prompts) throws IOException, InterruptedException {
        Path output = folder.resolve(through + "-" + prompts);
        List<String> command = new ArrayList<>(List.of(System.getenv(PYTHON),
                "environment/evaluation/evaluate.py", "--model", export.toString(), "--through", through, "--prompts",
                prompts, "--files", files.toString(), "--output", output.toString(), "--",
                ProcessHandle.current().info().command().orElseThrow(), "-Xmx1g", "-Dai.djl.pytorch.num_threads=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", System.getProperty("java.class.path"),
                Gerbil.class.getName()));
        Path log = folder.resolve(output.getFileName() + ".log");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
        assertEquals(0, process.waitFor(), () -> text(log));

        JsonNode results = JSON.readTree(only(output, "results_").toFile()).get("results");
        for (Map.Entry<String, TaskResult> task : own.entrySet()) {
            String name = "local_" + task.getKey();
            task.getValue().metrics().forEach((metric, value) -> {
                double theirs = results.get(name).get(metric.endsWith("_stderr")
                        ? metric.replace("_stderr", "_stderr,none") : metric + ",none").asDouble();
                boolean counted = metric.startsWith("acc");
                assertEquals(theirs, value, counted ? 1e-12 : BOUND * theirs, name + " " + metric);
            });
            assertAnswers(Files.readAllLines(only(output, "samples_" + name + "_")), task.getValue());
        }
    }

    private static void assertAnswers(List<String> samples, TaskResult result) throws IOException {
        assertEquals(result.items(), samples.size());
        for (String line : samples) {
            JsonNode sample = JSON.readTree(line);
            List<LogLikelihood> answers = result.answers().get(sample.get("doc_id").asInt());
            JsonNode responses = sample.get("filtered_resps");
            assertEquals(responses.size(), answers.size(), line);
            for (int i = 0; i < answers.size(); i++) {
                JsonNode response = responses.get(i);
                boolean rolling = !response.isArray();
                assertEquals((rolling ? response : response.get(0)).asDouble(), answers.get(i).nats(), BOUND, line);
                assertTrue(rolling || response.get(1).asText()
                        .equalsIgnoreCase(String.valueOf(answers.get(i).greedy())),
                        line);
            }
        }
    }

    private static Path only(Path folder, String beginning) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            List<Path> found = all.filter(f -> f.getFileName().toString().startsWith(beginning)).toList();
            assertEquals(1, found.size(), beginning);
            return found.get(0);
        }
    }

    private static String text(Path log) {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            return e.toString();
        }
    }
}
