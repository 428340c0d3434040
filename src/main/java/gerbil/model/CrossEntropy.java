package gerbil.model;

import ai.djl.ndarray.NDArray;

/** Cross-entropy of logits against the ids that came, in nats. */
public final class CrossEntropy {

    private CrossEntropy() {
    }

    /**
     * @param logits (batch, length, vocabulary)
     * @param targets int64, (batch, length)
     * @return the sum over all targets, a scalar
     */
    public static NDArray sum(NDArray logits, NDArray targets) {
        long vocabulary = logits.getShape().getLastDimension();
        NDArray logProbabilities = logits.reshape(-1, vocabulary).logSoftmax(-1);
        return logProbabilities.gather(targets.reshape(-1, 1), 1).sum().neg();
    }
}
