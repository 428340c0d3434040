package gerbil.train;

import ai.djl.ndarray.NDManager;
import gerbil.model.FusedLoss;
import gerbil.model.GptJ;
import gerbil.model.Kernels;
import gerbil.model.PlainLoss;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;

/**
 * A model that records gradients, with the optimizer and the step that train it; closing it frees them all.
 */
record TrainingSetup(NDManager manager, GptJ model, AdamW optimizer, TrainingStep step) implements AutoCloseable {

    /** The initial model of a run. */
    static TrainingSetup of(RunSpec spec, TrainingPath path, int microBatch) {
        NDManager manager = NDManager.newBaseManager();
        GptJ model = GptJ.initialized(spec.config(), manager, spec.seed());
        model.freezeParameters(false);
        if (path == TrainingPath.PLAIN) {
            return new TrainingSetup(manager, model, new PlainAdamW(model, spec.optimizer()),
                    new TrainingStep(new PlainLoss(model), manager, microBatch, spec.sequenceLength()));
        }
        Kernels kernels = Kernels.load(manager);
        return new TrainingSetup(manager, model, new FusedAdamW(model, spec.optimizer(), kernels),
                new TrainingStep(new FusedLoss(model, kernels, spec.sequenceLength()), manager, microBatch,
                        spec.sequenceLength()));
    }

    @Override
    public void close() {
        manager.close();
    }
}
