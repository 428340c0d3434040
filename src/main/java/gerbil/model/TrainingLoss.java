package gerbil.model;

import ai.djl.ndarray.NDArray;
import gerbil.kernels.FusedLoss;

/**
 * The loss of a micro-batch in a form that can be differentiated. There are two: {@link PlainLoss} in ordinary DJL
 * operations, to be read and changed, and {@link FusedLoss}, the same numbers to rounding from PyTorch kernels.
 */
public interface TrainingLoss {

    /**
     * @param loss a scalar, or one for each group
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

    /**
     * The loss where not every target is learned, by groups of targets.
     *
     * @param ids int64, (batch, length)
     * @param targets the id that follows each, int64, (batch, length)
     * @param groups each target's group, 0 to {@code count - 1}, or -1 for one that is not learned; int64, (batch, length)
     * @param scale what the sums of the cross-entropies are multiplied by: one over the learned targets of the whole batch
     * @return a loss for each group, (count), and a scalar to differentiate that has the gradients of their sum
     */
    Value of(NDArray ids, NDArray targets, NDArray groups, int count, float scale);

    /**
     * From now on takes less memory and more time, to the same numbers.
     *
     * @return whether it can, and did not do so before
     */
    boolean saveMemory();
}
