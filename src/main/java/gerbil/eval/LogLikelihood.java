package gerbil.eval;

/**
 * How likely a model finds a text.
 *
 * @param nats natural logarithm of its probability
 * @param greedy whether each of its tokens is the likeliest in its place
 */
public record LogLikelihood(double nats, boolean greedy) {
}
