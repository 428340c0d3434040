package gerbil.cli;

import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.eval.LogLikelihood;
import gerbil.eval.Scorer;
import gerbil.eval.Task;
import gerbil.eval.TaskResult;
import gerbil.hub.LanguageModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

@Command(name = "score", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Scores a model in tasks as lm-evaluation-harness defines them, on local files in the datasets' "
                + "own formats. environment/evaluate does it with the harness itself.")
final class ScoreCommand implements Computation {

    @Mixin
    private ModelOption option;

    @Option(names = "--files", required = true, paramLabel = "FOLDER",
            description = "Where the tasks' files are: lambada_openai.jsonl, hellaswag.jsonl, winogrande.jsonl, "
                    + "piqa.jsonl; and text.jsonl, any texts, for perplexity and bits a byte.")
    private Path files;

    @Option(names = "--tasks", split = ",", paramLabel = "TASK",
            description = "Some of them (default: those with a file).")
    private List<String> tasks;

    @Option(names = "--limit", defaultValue = "2147483647", paramLabel = "N",
            description = "The first N items of each task (default: all).")
    private int limit;

    @Option(names = "--answers", paramLabel = "FILE",
            description = "Write each item's log-likelihoods there, a line of JSON an item.")
    private Path answers;

    /** A line of the file of answers. */
    private record Answer(String task, int item, List<LogLikelihood> answers) {
    }

    @Override
    public Integer call() throws IOException {
        List<Task> chosen = tasks == null ? Task.ALL.stream().filter(t -> Files.exists(t.in(files))).toList()
                : tasks.stream().map(Task::of).toList();
        if (chosen.isEmpty() || limit < 1) {
            throw new GerbilException("no item to score in " + files, "a file of "
                    + Task.ALL.stream().map(t -> t.in(files).getFileName()).toList() + " and a limit above 0",
                    "check the folder's name");
        }
        try (LanguageModel model = option.open();
             BufferedWriter lines = answers == null ? null : Files.newBufferedWriter(answers)) {
            Scorer scorer = new Scorer(model.model(), model.tokenizer());
            for (Task task : chosen) {
                TaskResult result = task.score(scorer, task.in(files), limit);
                print(result);
                for (int item = 0; lines != null && item < result.items(); item++) {
                    lines.write(Json.line(new Answer(task.name(), item, result.answers().get(item))) + "\n");
                }
            }
        }
        return 0;
    }

    private static void print(TaskResult result) {
        result.metrics().forEach((metric, value) -> {
            if (!metric.endsWith("_stderr")) {
                Double error = result.metrics().get(metric + "_stderr");
                System.out.printf(Locale.ROOT, "%-15s %-15s %10.4f%s  (%,d items)%n", result.task(), metric, value,
                        error == null || error.isNaN() ? "" : String.format(Locale.ROOT, " ± %.4f, by chance %.4f", error,
                                result.chance()), result.items());
            }
        });
    }
}
