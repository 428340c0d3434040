package gerbil.model;

import ai.djl.ndarray.NDArray;

/** Cross-entropy of logits against the ids that came, in nats. */
public final class CrossEntropy {

    private CrossEntropy() {
    }

    /**
     * @param logits (batch, length, vocabulary)
     * @param targets int64, (batch, length)
     * @return one for each target, (batch * length)
     */
    public static NDArray each(NDArray logits, NDArray targets) {
        long vocabulary = logits.getShape().getLastDimension();
        return logits.reshape(-1, vocabulary).logSoftmax(-1).gather(targets.reshape(-1, 1), 1).flatten().neg();
    }
}
