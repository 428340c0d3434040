package gerbil.model;

import ai.djl.ndarray.NDArray;
import gerbil.cuda.KernelLoss;
import gerbil.kernels.FusedLoss;

/**
 * The loss of a micro-batch and its gradients: {@link PlainLoss} in ordinary DJL operations, to be read and changed,
 * {@link FusedLoss}, the same numbers to rounding from PyTorch's operators, and {@link KernelLoss} from kernels of our own.
 */
public interface TrainingLoss {

    /**
     * Adds the gradient of the losses' sum to the parameters' gradients.
     *
     * @param ids int64, (batch, length)
     * @param targets the id that follows each, int64, (batch, length)
     * @param groups each target's group, 0 to {@code count - 1}, or -1 for one that is masked; int64, (batch, length)
     * @param scale what the sums of the cross-entropies are multiplied by: one over the whole batch's targets that are
     *     not masked
     * @return the losses of the groups
     */
    NDArray accumulate(NDArray ids, NDArray targets, NDArray groups, int count, float scale);

    /**
     * From now on takes less memory and more time, to the same numbers.
     *
     * @return whether it can, and did not do so before
     */
    boolean saveMemory();
}
