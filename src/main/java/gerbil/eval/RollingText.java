package gerbil.eval;

import gerbil.base.GerbilException;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Whole texts, {@code {"text": …}} a line: what lm-evaluation-harness computes of them by its output type {@code
 * loglikelihood_rolling}.
 */
record RollingText(String name) implements Task {

    static final RollingText TEXT = new RollingText("text");

    @Override
    public TaskResult score(Scorer scorer, Path file, int limit) {
        List<Perplexity> texts =
                scorer.rolling(TaskLine.read(file, limit).stream().map(line -> line.text("text")).toList());
        Perplexity all = texts.stream().reduce(Perplexity::plus).orElseThrow();
        if (all.bytes() == 0) {
            throw new GerbilException(file + " without any text", "texts of one byte at least", "score other texts");
        }
        Map<String, Double> metrics = new LinkedHashMap<>();
        metrics.put("word_perplexity", all.wordPerplexity());
        metrics.put("byte_perplexity", all.bytePerplexity());
        metrics.put("bits_per_byte", all.bitsPerByte());
        return new TaskResult(name, texts.size(), Double.NaN, metrics,
                texts.stream().map(p -> List.of(new LogLikelihood(p.nats(), false))).toList());
    }
}
