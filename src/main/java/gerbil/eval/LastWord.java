package gerbil.eval;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The last word of a passage, from all that comes before it.
 *
 * <p>LAMBADA (Paperno et al. 2016) in OpenAI's variant: {@code {"text": …}} a line.
 */
record LastWord(String name) implements Task {

    static final LastWord LAMBADA_OPENAI = new LastWord("lambada_openai");

    @Override
    public TaskResult score(Scorer scorer, Path file, int limit) {
        List<LogLikelihood> answers =
                scorer.logLikelihoods(TaskLine.read(file, limit).stream().map(LastWord::continuation).toList());
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("perplexity", Math.exp(-answers.stream().mapToDouble(LogLikelihood::nats).average().orElseThrow()));
        Accuracy.put(metrics, "acc", answers.stream().map(LogLikelihood::greedy).toList());
        // one word of a language: as good as 0
        return new TaskResult(name, answers.size(), 0, metrics, answers.stream().map(List::of).toList());
    }

    static Continuation continuation(TaskLine line) {
        String text = line.text("text");
        int lastSpace = text.lastIndexOf(' ');
        return new Continuation(text.substring(0, Math.max(0, lastSpace)), " " + text.substring(lastSpace + 1));
    }
}
