package gerbil.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import gerbil.model.GptJ;
import gerbil.model.TrainingLoss;
import gerbil.spec.StepSettings;

import java.util.function.DoubleSupplier;

/**
 * One kernel call: packed products of query, key and value, fused attention, and a head that goes through tokens and
 * vocabulary in blocks, so that a batch's logits are never all in memory.
 */
public final class FusedLoss implements TrainingLoss {

    private final GptJ model;
    private final Kernels kernels;
    private final NDList rotation;
    private final StepSettings settings;
    private final DoubleSupplier gradientScale;
    private boolean recompute;

    /**
     * @param length tokens of the sequences to come
     * @param settings precision, the head's blocks, and whether activations are computed again in the backward pass
     * @param gradientScale asked each time: what the differentiable loss is multiplied by beyond the loss
     */
    public FusedLoss(GptJ model, Kernels kernels, int length, StepSettings settings, DoubleSupplier gradientScale) {
        this.model = model;
        this.kernels = kernels;
        this.settings = settings;
        this.gradientScale = gradientScale;
        recompute = settings.recompute();
        rotation = model.rotary().at(model.manager(), 0, length).overHeads(2 * model.config().heads());
    }

    @Override
    public Value of(NDArray ids, NDArray targets, NDArray groups, int count, float scale) {
        NDList result = kernels.call("loss", true, new Kernels.Arguments().add(ids).add(targets).add(groups)
                .add(model.tensors()).add(rotation.get(0)).add(rotation.get(1))
                .add(kernels.numbers(scale, scale * gradientScale.getAsDouble()))
                .add(kernels.numbers(HeadChunks.type(settings.precision()), settings.headChunk(), settings.headBlock(),
                        count, recompute ? 1 : 0)));
        return new Value(result.get(0), result.get(1));
    }

    @Override
    public boolean saveMemory() {
        boolean before = recompute;
        recompute = true;
        return !before;
    }
}
