package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import gerbil.spec.Precision;

import java.util.function.DoubleSupplier;

/**
 * One kernel call: packed products of query, key and value, fused attention, and a head that goes through the tokens in
 * chunks, so that a batch's logits are never all in memory.
 */
public final class FusedLoss implements TrainingLoss {

    private final GptJ model;
    private final Kernels kernels;
    private final NDArray cos;
    private final NDArray sin;
    private final NDArray settings;
    private final DoubleSupplier gradientScale;

    /**
     * @param length tokens of the sequences to come
     * @param gradientScale asked each time: what the differentiable loss is multiplied by beyond the loss
     */
    public FusedLoss(GptJ model, Kernels kernels, int length, Precision precision, HeadChunks chunks,
                     DoubleSupplier gradientScale) {
        this.model = model;
        this.kernels = kernels;
        this.gradientScale = gradientScale;
        NDManager manager = model.manager();
        var rotation = model.rotary().at(manager, 0, length);
        Shape overHeads = new Shape(length, 1, 1, model.config().headDim());
        cos = rotation.cos().reshape(overHeads);
        sin = rotation.sin().reshape(overHeads);
        settings = chunks.settings(manager, precision);
    }

    @Override
    public Value of(NDArray ids, NDArray targets, float scale) {
        return value("loss", new Kernels.Arguments().add(ids).add(targets), ids.getManager(), scale);
    }

    @Override
    public Value of(NDArray ids, NDArray targets, NDArray groups, int count, float scale) {
        return value("loss_of_groups", new Kernels.Arguments().add(ids).add(targets).add(groups)
                .add(ids.getManager().create(count)), ids.getManager(), scale);
    }

    private Value value(String method, Kernels.Arguments arguments, NDManager scratch, float scale) {
        NDList result = kernels.call(method, true, arguments.add(model.weights().values()).add(cos).add(sin)
                .add(scratch.create(new float[] {scale, (float) (scale * gradientScale.getAsDouble())}))
                .add(settings));
        return new Value(result.get(0), result.get(1));
    }
}
