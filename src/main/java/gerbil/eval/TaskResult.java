package gerbil.eval;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A model's score in a task.
 *
 * @param task its name in lm-evaluation-harness
 * @param items scored
 * @param chance accuracy of guessing; NaN where nothing is chosen
 * @param metrics by lm-evaluation-harness's names: {@code acc}, {@code acc_norm}, each with its {@code _stderr}, {@code
 *     perplexity}, {@code word_perplexity}, {@code byte_perplexity}, {@code bits_per_byte}
 * @param answers of each item: one for each choice, or one for the whole
 */
public record TaskResult(String task, int items, double chance, Map<String, Double> metrics,
                         List<List<LogLikelihood>> answers) {

    /** "hellaswag, 200 items: acc 0.2550 ± 0.0308, acc_norm 0.2800 ± 0.0317; by chance 0.2500", without the answers. */
    @Override
    public String toString() {
        return metrics.keySet().stream().filter(metric -> !metric.endsWith("_stderr")).map(this::score)
                .collect(Collectors.joining(", ", String.format(Locale.ROOT, "%s, %,d items: ", task, items),
                        Double.isNaN(chance) ? "" : String.format(Locale.ROOT, "; by chance %.4f", chance)));
    }

    private String score(String metric) {
        Double error = metrics.get(metric + "_stderr");
        return String.format(Locale.ROOT, error == null ? "%s %.4f" : "%s %.4f ± %.4f", metric, metrics.get(metric),
                error);
    }
}
