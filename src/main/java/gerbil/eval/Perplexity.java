package gerbil.eval;

import java.nio.charset.StandardCharsets;

/**
 * Log-likelihood of whole texts with the units that it is divided by, as lm-evaluation-harness counts them.
 *
 * @param nats log-likelihood, at most 0
 * @param words stretches of text between whitespace, counted as Python's {@code re.split(r"\s+", text)} does
 * @param bytes of UTF-8
 */
public record Perplexity(double nats, long words, long bytes) {

    static Perplexity of(String text, double nats) {
        return new Perplexity(nats, PythonText.words(text), text.getBytes(StandardCharsets.UTF_8).length);
    }

    /** Of the texts of both. */
    Perplexity plus(Perplexity other) {
        return new Perplexity(nats + other.nats, words + other.words, bytes + other.bytes);
    }

    /** {@code bits_per_byte}. */
    public double bitsPerByte() {
        return -nats / bytes / Math.log(2);
    }

    /** {@code byte_perplexity}. */
    public double bytePerplexity() {
        return Math.exp(-nats / bytes);
    }

    /** {@code word_perplexity}. */
    public double wordPerplexity() {
        return Math.exp(-nats / words);
    }
}
