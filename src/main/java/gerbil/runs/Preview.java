package gerbil.runs;

/**
 * What a model that is being trained can do by now.
 *
 * @param tokens it was trained on
 * @param heldOutLoss nats a token, over the beginning of the held-out text: that of the whole differs a little
 * @param sample the beginning of a document that it wrote
 */
public record Preview(long tokens, double heldOutLoss, String sample) {
}
