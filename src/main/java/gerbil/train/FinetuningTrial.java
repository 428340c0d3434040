package gerbil.train;

/**
 * What a run knows of two texts.
 *
 * @param size of the model
 * @param base name and id of the finished run that it began with; null, and left out, for random weights
 * @param trained what is trained of the base, {@code last 1 of 2 layers}, or {@code random weights}; of runs of the
 *     finished runs' text their class
 * @param run id of the run, as it was planned without its base
 * @param learningRate peak
 * @param tokens trained on in this run
 * @param newLoss on held-out documents of the text that the finished runs were not trained on, nats a token
 * @param oldLoss on held-out documents of their own text, nats a token
 * @param weights SHA-256 of those measured
 * @param codeVersion that measured it
 */
public record FinetuningTrial(String size, String base, String trained, String run, double learningRate, long seed,
                              long tokens, double newLoss, double oldLoss, String weights, String codeVersion) {
}
