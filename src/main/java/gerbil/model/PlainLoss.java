package gerbil.model;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.training.GradientCollector;

/** Cross-entropy of the model's logits, all of them at once. */
public record PlainLoss(GptJ model) implements TrainingLoss {

    @Override
    public NDArray accumulate(NDArray ids, NDArray targets, NDArray groups, int count, float scale) {
        try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            NDArray losses = CrossEntropy.each(model.logits(ids), targets);
            NDList sums = new NDList();
            for (int group = 0; group < count; group++) {
                NDArray learned = groups.flatten().eq(group).toType(DataType.FLOAT32, false);
                sums.add(losses.mul(learned).sum().mul(GptJ.number(ids, scale)));
            }
            NDArray scaled = NDArrays.stack(sums);
            collector.backward(scaled.sum());
            return scaled.stopGradient();
        }
    }

    @Override
    public boolean saveMemory() {
        return false;
    }
}
