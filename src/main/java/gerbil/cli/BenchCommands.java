package gerbil.cli;

import ai.djl.ndarray.NDManager;
import gerbil.base.Folders;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.corpus.Corpus;
import gerbil.corpus.Document;
import gerbil.corpus.TextFolder;
import gerbil.eval.Continuation;
import gerbil.eval.LogLikelihood;
import gerbil.eval.Scorer;
import gerbil.hub.Export;
import gerbil.hub.Import;
import gerbil.hub.LanguageModel;
import gerbil.kernels.Generator;
import gerbil.kernels.Sampling;
import gerbil.model.Devices;
import gerbil.model.GptJ;
import gerbil.runs.Workspace;
import gerbil.spec.BudgetClass;
import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.Scale;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparedTokens;
import gerbil.train.PrintedProgress;
import gerbil.train.StepBenchmark;
import gerbil.train.StepTuning;
import gerbil.train.Trainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What {@code environment/bench} measures of this kit: each command is one measurement and prints one line of JSON. */
final class BenchCommands {

    private BenchCommands() {
    }

    private static double secondsSince(long begin) {
        return (System.nanoTime() - begin) / 1e9;
    }

    @Command(name = "bench-inputs", hidden = true, mixinStandardHelpOptions = true,
            description = "Writes what both sides of the benchmark read: sizes, texts, tokenizer and token sets.")
    static final class Inputs implements Callable<Integer> {

        private static final long TRAIN_TOKENS = 2_000_000;
        private static final long HELD_OUT_TOKENS = 10_000;
        private static final int REQUESTS = 1_000;
        private static final int ANSWERS = 4;

        @Option(names = "--out", required = true, paramLabel = "FOLDER", description = "A new folder.")
        private Path out;

        @Option(names = "--megabytes", defaultValue = "100", paramLabel = "N",
                description = "How much text both sides tokenize, of the default corpus's first (default: "
                        + "${DEFAULT-VALUE}).")
        private int megabytes;

        @Option(names = "--large-megabytes", defaultValue = "1000", paramLabel = "N",
                description = "How much text this kit tokenizes besides: the default corpus again and again, each time "
                        + "with another first line in each document (default: ${DEFAULT-VALUE}).")
        private int largeMegabytes;

        private record SizeInput(ModelSize size, GptJConfig config, OptimizerSettings optimizer) {
        }

        @Override
        public Integer call() throws IOException {
            Path texts = Folders.create(out.resolve("texts"));
            writeTexts(texts.resolve("texts.jsonl"), megabytes);
            writeTexts(Folders.create(out.resolve("large-texts")).resolve("texts.jsonl"), largeMegabytes);
            Json.write(out.resolve("sizes.json"), ModelSize.ALL.stream().map(size -> new SizeInput(size,
                    size.config(Objective.CAUSAL), OptimizerSettings.withLearningRate(size.learningRate()))).toList());
            Files.writeString(out.resolve("tokenizer.json"), Vocabulary.gpt2().tokenizerJson());
            writeRequests(out);
            Corpus corpus = TextFolder.open(texts);
            for (Scale scale : Scale.values()) {
                Preparation.prepare(corpus, Workspace.vocabulary(scale), out.resolve("tokens").resolve(scale.label()),
                        TRAIN_TOKENS, HELD_OUT_TOKENS, 0, new PrintedProgress(System.err));
            }
            return 0;
        }

        /** Of the kind that tasks make: some lines of text, and the words that follow, or four answers like these. */
        private static void writeRequests(Path out) throws IOException {
            try (Stream<Document> documents = Workspace.here().defaultCorpus(Scale.NANO).documents(1)) {
                List<String> texts = documents.map(document -> document.text().replaceAll("\\W+", " "))
                        .filter(words -> words.length() > 2_000).limit(REQUESTS)
                        .map(words -> words.substring(words.indexOf(' ', 1_000))) // behind the licence
                        .distinct().toList();
                Files.write(out.resolve("requests.jsonl"), texts.stream()
                        .map(words -> request(words, words, 100 + words.length() % 600)).toList());
                Files.write(out.resolve("choices.jsonl"), IntStream.range(0, texts.size()).mapToObj(i -> {
                    String question = texts.get(i / ANSWERS);
                    return request(question, texts.get(i), 100 + question.length() % 200);
                }).toList());
            }
        }

        /** Words of one text up to a place, and of another from there. */
        private static String request(String context, String continued, int at) {
            int begin = continued.indexOf(' ', at);
            return Json.line(new Continuation(context.substring(0, context.indexOf(' ', at)),
                    continued.substring(begin, continued.indexOf(' ', begin + 30))));
        }

        private void writeTexts(Path file, int megabytes) throws IOException {
            long left = megabytes * 1_000_000L;
            try (BufferedWriter writer = Files.newBufferedWriter(file)) {
                for (int round = 0; left > 0; round++) {
                    left = writeTexts(writer, round == 0 ? "" : "round " + round + "\n", left);
                }
            }
        }

        private long writeTexts(BufferedWriter writer, String firstLine, long bytes) throws IOException {
            long left = bytes;
            try (Stream<Document> documents = Workspace.here().defaultCorpus(Scale.NANO).documents(0)) {
                Iterator<Document> next = documents.iterator();
                while (left > 0 && next.hasNext()) {
                    String text = firstLine + next.next().text();
                    writer.write(Json.line(Map.of("text", text)));
                    writer.newLine();
                    left -= text.getBytes(StandardCharsets.UTF_8).length;
                }
            }
            return left;
        }
    }

    @Command(name = "bench-step", hidden = true, mixinStandardHelpOptions = true,
            description = "Times training steps of one micro-batch each.")
    static final class Step implements Computation {

        @Option(names = "--size", required = true, paramLabel = "SIZE", description = "Model size.")
        private String size;

        @Option(names = "--micro-batch", required = true, paramLabel = "N", description = "Sequences of a step.")
        private int microBatch;

        @Option(names = "--warm-up", defaultValue = "3", paramLabel = "N",
                description = "Steps before the measured ones (default: ${DEFAULT-VALUE}).")
        private int warmUp;

        @Option(names = "--steps", required = true, paramLabel = "N", description = "Steps to measure.")
        private int steps;

        @Option(names = "--path", defaultValue = "fused", paramLabel = "NAME",
                description = "fused (default), kernels or plain.")
        private String path;

        @Option(names = "--precision", paramLabel = "NAME",
                description = "float32, bfloat16 or float16 (default: what suits the device and the size).")
        private String precision;

        @Option(names = "--workers", paramLabel = "N",
                description = "Parts of the micro-batch that are computed side by side (default: chosen).")
        private Integer workers;

        @Option(names = "--tokens-folder", paramLabel = "FOLDER",
                description = "Token sets to train on (default: the scale's under data/tokens).")
        private Path tokensFolder;

        @Override
        public Integer call() {
            ModelSize wanted = ModelSize.of(size);
            PreparedTokens tokens = PreparedTokens.open(
                    tokensFolder == null ? Workspace.here().tokens(wanted.scale()) : tokensFolder);
            RunSpec spec = Workspace.spec(size, BudgetClass.A.name(), tokens);
            System.out.println(Json.line(StepBenchmark.measure(spec, tokens.train(), settings(spec), warmUp, steps)));
            return 0;
        }

        private StepSettings settings(RunSpec spec) {
            TrainingPath chosen = TrainingPath.of(path);
            StepSettings s = precision == null ? StepTuning.choose(spec, chosen)
                    : StepTuning.choose(spec, chosen, Precision.of(precision));
            s = s.withMicroBatch(microBatch);
            return workers == null ? s : s.withWorkers(workers);
        }
    }

    @Command(name = "bench-tokens", hidden = true, mixinStandardHelpOptions = true,
            description = "Times encoding a folder of texts with GPT-2's vocabulary and writing it as token sets.")
    static final class Tokens implements Callable<Integer> {

        @Option(names = "--texts", required = true, paramLabel = "FOLDER", description = "What to encode.")
        private Path texts;

        @Option(names = "--out", required = true, paramLabel = "FOLDER", description = "A new folder.")
        private Path out;

        private record Result(double seconds, long bytes, long tokens, double megabytesPerSecond) {
        }

        @Override
        public Integer call() {
            long begin = System.nanoTime();
            PreparedTokens prepared = Preparation.prepare(TextFolder.open(texts), Vocabulary.gpt2(), out,
                    Long.MAX_VALUE, Long.MAX_VALUE, 0, Progress.NONE);
            double seconds = secondsSince(begin);
            var sets = List.of(prepared.train(), prepared.heldout());
            long bytes = sets.stream().mapToLong(set -> set.manifest().textBytes()).sum();
            System.out.println(Json.line(new Result(seconds, bytes, sets.stream().mapToLong(s -> s.tokens()).sum(),
                    bytes / 1e6 / seconds)));
            return 0;
        }
    }

    @Command(name = "bench-sample", hidden = true, mixinStandardHelpOptions = true,
            description = "Times a new model's continuations of one token, one and several at once, the likeliest "
                    + "token each time.")
    static final class Sample implements Computation {

        @Option(names = "--size", required = true, paramLabel = "SIZE", description = "Model size.")
        private String size;

        @Option(names = "--tokens", required = true, paramLabel = "N", description = "Tokens to add.")
        private int tokens;

        @Option(names = "--batch", required = true, paramLabel = "N", description = "Continuations at once.")
        private int batch;

        /** @param batchTokensPerSecond tokens of all continuations that are made at once */
        private record Result(String size, int tokens, double tokensPerSecond, int batch,
                              double batchTokensPerSecond) {
        }

        @Override
        public Integer call() {
            ModelSize wanted = ModelSize.of(size);
            GptJConfig config = wanted.config(Objective.CAUSAL);
            try (NDManager manager = NDManager.newBaseManager(Devices.of(config))) {
                GptJ model = GptJ.initialized(config, manager, 0);
                Generator generator = new Generator(model, wanted.scale().vocabularySize());
                System.out.println(Json.line(new Result(size, tokens, tokens / seconds(generator, 1), batch,
                        batch * tokens / seconds(generator, batch))));
            }
            return 0;
        }

        private double seconds(Generator generator, int continuations) {
            var prompts = Collections.nCopies(continuations, new Generator.Prompt(new int[] {0}, 0, id -> false));
            generator.generate(prompts, tokens, Sampling.GREEDY); // warms up
            long begin = System.nanoTime();
            generator.generate(prompts, tokens, Sampling.GREEDY);
            return secondsSince(begin);
        }
    }

    @Command(name = "bench-score", hidden = true, mixinStandardHelpOptions = true,
            description = "Times the log-likelihoods of two files of requests by a new model, which it exports.")
    static final class Score implements Computation {

        @Option(names = "--size", required = true, paramLabel = "SIZE", description = "Model size.")
        private String size;

        @Option(names = "--requests", required = true, paramLabel = "FILE",
                description = "A JSON object a line, with context and text.")
        private Path requests;

        @Option(names = "--choices", required = true, paramLabel = "FILE",
                description = "The same, of answers to questions.")
        private Path choices;

        @Option(names = "--export", required = true, paramLabel = "FOLDER",
                description = "Where the model is, or is to be, for others to score with.")
        private Path export;

        @Option(names = "--warm-up", required = true, paramLabel = "N",
                description = "Requests of each file to score before.")
        private int warmUp;

        private record Result(String size, double requestsPerSecond, double choicesPerSecond, List<Double> nats) {
        }

        @Override
        public Integer call() throws IOException {
            ModelSize wanted = ModelSize.of(size);
            if (Files.notExists(export)) {
                GptJConfig config = wanted.config(Objective.CAUSAL);
                try (NDManager manager = NDManager.newBaseManager(Devices.of(config))) {
                    Export.write(GptJ.initialized(config, manager, 0), Workspace.vocabulary(wanted.scale()), "", export);
                }
            }
            List<Continuation> alone = read(requests);
            List<Continuation> answers = read(choices);
            List<Double> nats = new ArrayList<>();
            try (LanguageModel model = Import.open(export)) {
                Scorer scorer = new Scorer(model.model(), model.tokenizer());
                for (List<Continuation> continuations : List.of(alone, answers)) { // warms up
                    scorer.logLikelihoods(continuations.subList(0, Math.min(warmUp, continuations.size())));
                }
                System.out.println(Json.line(new Result(size, perSecond(scorer, alone, nats),
                        perSecond(scorer, answers, nats), nats)));
            }
            return 0;
        }

        private static List<Continuation> read(Path file) throws IOException {
            return Files.readAllLines(file).stream().map(line -> Json.parse(line, Continuation.class, file.toString()))
                    .toList();
        }

        private static double perSecond(Scorer scorer, List<Continuation> continuations, List<Double> nats) {
            long begin = System.nanoTime();
            List<LogLikelihood> scores = scorer.logLikelihoods(continuations);
            double seconds = secondsSince(begin);
            scores.forEach(score -> nats.add(score.nats()));
            return continuations.size() / seconds;
        }
    }

    @Command(name = "bench-first-loss", hidden = true, mixinStandardHelpOptions = true,
            description = "Times the quickstart's run to its first step's loss, from the call and from the process.")
    static final class FirstLoss implements Computation {

        private static final String SIZE = "92k";

        @Option(names = "--runs", required = true, paramLabel = "FOLDER", description = "A new folder for the run.")
        private Path runs;

        private record Result(String size, double secondsFromProcess, double secondsFromCall) {
        }

        @Override
        public Integer call() {
            Instant process = ProcessHandle.current().info().startInstant().orElseThrow();
            PreparedTokens tokens = Workspace.here().prepare(Scale.NANO, Progress.NONE);
            RunSpec spec = Workspace.spec(SIZE, BudgetClass.A.name(), tokens);
            long call = System.nanoTime();
            Trainer.of(spec.withTokens(spec.batchTokens()), tokens, runs, (step, steps) -> {
                double fromProcess = Duration.between(process, Instant.now()).toNanos() / 1e9;
                System.out.println(Json.line(new Result(SIZE, fromProcess, secondsSince(call))));
            }).run();
            return 0;
        }
    }
}
