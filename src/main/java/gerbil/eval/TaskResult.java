package gerbil.eval;

import java.util.List;
import java.util.Map;

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
}
