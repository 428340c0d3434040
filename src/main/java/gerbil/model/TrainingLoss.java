package gerbil.model;

import ai.djl.ndarray.NDArray;

/**
 * The loss of a micro-batch in a form that can be differentiated. There are two: {@link PlainLoss} in ordinary DJL
 * operations, to be read and changed, and {@link FusedLoss}, the same numbers to rounding from PyTorch kernels.
 */
public interface TrainingLoss {

    /**
     * @param loss a scalar
     * @param differentiable a scalar whose gradients are the loss's
     */
    record Value(NDArray loss, NDArray differentiable) {
    }

    /**
     * @param ids int64, (batch, length)
     * @param targets the id that follows each, int64, (batch, length)
     * @param scale what the sum of the cross-entropies is multiplied by: one over the tokens of the whole batch
     */
    Value of(NDArray ids, NDArray targets, float scale);
}
