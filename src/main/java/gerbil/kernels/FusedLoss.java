package gerbil.kernels;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDScope;
import ai.djl.training.GradientCollector;
import gerbil.model.GptJ;
import gerbil.model.RotaryEmbedding;
import gerbil.model.TrainingLoss;
import gerbil.spec.StepSettings;

import java.util.List;
import java.util.function.DoubleSupplier;

/**
 * One kernel call: packed products of query, key and value, fused attention, a head that goes through tokens and
 * vocabulary in blocks, so that a batch's logits are never all in memory, and the gradients of all weights.
 */
public final class FusedLoss implements TrainingLoss {

    private final GptJ model;
    private final Kernels kernels;
    private final RotaryEmbedding.Rotation rotation;
    private final NDList bodyGradients;
    private final NDList headGradients;
    private final StepSettings settings;
    private final DoubleSupplier gradientScale;
    private boolean recompute;

    /**
     * @param length tokens of the sequences to come
     * @param settings precision, the head's blocks, workers, and whether activations are computed again in the backward
     *     pass
     * @param gradientScale asked each time: what gradients are multiplied by beyond the loss
     */
    public FusedLoss(GptJ model, Kernels kernels, int length, StepSettings settings, DoubleSupplier gradientScale) {
        this.model = model;
        this.kernels = kernels;
        this.settings = settings;
        this.gradientScale = gradientScale;
        recompute = settings.recompute();
        rotation = model.rotary().at(model.manager(), 0, length);
        NDList gradients = gradients(model);
        bodyGradients = gradients.subNDList(0, gradients.size() - 2);
        headGradients = gradients.subNDList(gradients.size() - 2);
    }

    /** The gradients of the weights that have one, zero, in one place in memory for as long as the model is. */
    public static NDList gradients(GptJ model) {
        List<NDArray> trained = model.tensors().stream().filter(NDArray::hasGradient).toList();
        // a weight's gradient is there after a first backward pass only
        try (NDScope ignored = new NDScope(); GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            collector.backward(trained.stream().map(NDArray::sum).reduce(NDArray::add).orElseThrow());
        }
        model.zeroGradients();
        return new NDList(trained.stream().map(NDArray::getGradient).toList());
    }

    @Override
    public NDArray accumulate(NDArray ids, NDArray targets, NDArray groups, int count, float scale) {
        return kernels.call("accumulate", true, new Kernels.Arguments().add(ids).add(targets).add(groups)
                .add(model.tensors()).add(bodyGradients).add(headGradients).add(rotation.cos()).add(rotation.sin())
                .add(kernels.numbers(scale, scale * gradientScale.getAsDouble()))
                .add(kernels.numbers(HeadChunks.type(settings.precision()), settings.headChunk(), settings.headBlock(),
                        count, recompute ? 1 : 0, settings.workers()))).get(0);
    }

    @Override
    public boolean saveMemory() {
        boolean before = recompute;
        recompute = true;
        return !before;
    }
}
