package gerbil.model;

import ai.djl.ndarray.NDArray;

/** Cross-entropy of the model's logits, all of them at once. */
public record PlainLoss(GptJ model) implements TrainingLoss {

    @Override
    public Value of(NDArray ids, NDArray targets, float scale) {
        NDArray loss = CrossEntropy.sum(model.logits(ids), targets).mul(GptJ.number(ids, scale));
        return new Value(loss, loss);
    }
}
