package gerbil.spec;

/**
 * What a finished run came to: {@code result.json}.
 *
 * @param spec what was run
 * @param environment where
 * @param parameters exact number
 * @param tokens trained on, in whole batches
 * @param trainingLoss mean over the last 1% of the steps, nats a token; how the published losses were averaged is
 *     unknown
 * @param wholeRunLoss mean over all steps, nats a token
 * @param heldoutLoss on documents that training never saw, nats a token
 * @param bitsPerByte the same in bits a byte of text
 * @param wallSeconds spent in training steps, all sittings added
 */
public record RunResult(RunSpec spec, RunEnvironment environment, long parameters, long tokens, double trainingLoss,
                        double wholeRunLoss, double heldoutLoss, double bitsPerByte, double wallSeconds) {
}
