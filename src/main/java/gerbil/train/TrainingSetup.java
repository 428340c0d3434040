package gerbil.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import gerbil.cuda.KernelLoss;
import gerbil.cuda.StepKernelSupport;
import gerbil.kernels.DeterministicAlgorithms;
import gerbil.kernels.FusedLoss;
import gerbil.kernels.Kernels;
import gerbil.model.Devices;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;
import gerbil.model.PlainLoss;
import gerbil.model.TrainingLoss;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;

import java.util.Map;
import java.util.Set;

/**
 * A model that records gradients, with the optimizer and the step that train it; closing it frees them all.
 */
record TrainingSetup(NDManager manager, GptJ model, AdamW optimizer, TrainingStep step) implements AutoCloseable {

    /** The initial model of a run. */
    static TrainingSetup of(RunSpec spec, StepSettings settings) {
        NDManager manager = NDManager.newBaseManager(Devices.of(spec.config()));
        DeterministicAlgorithms.require(manager.getDevice());
        GptJ model = GptJ.initialized(spec.config(), manager, spec.seed());
        Set<String> trained = GptJTensors.trained(spec.config(),
                spec.base() == null ? null : spec.base().trainedLayers());
        model.freezeParameters(false, parameter -> trained.contains(parameter.getName()));
        Map<String, NDArray> weights = model.weights();
        weights.keySet().retainAll(trained);
        if (settings.path() == TrainingPath.PLAIN) {
            return of(spec, settings, model, new PlainAdamW(model.manager(), weights, spec.optimizer()),
                    new PlainLoss(model));
        }
        // a worker has a thread to itself, and at nano scale sharing the optimizer's operators costs more than it saves
        JniUtils.setNumThreads(settings.workers() == 1 ? Devices.threads() : 1);
        Kernels kernels = Kernels.load(manager);
        LossScale scale = settings.precision() == Precision.FLOAT16 ? LossScale.dynamic() : LossScale.none();
        TrainingLoss loss = settings.path() == TrainingPath.FUSED
                ? new FusedLoss(model, kernels, spec.sequenceLength(), settings, scale::value)
                : new KernelLoss(model, spec.sequenceLength(), settings, scale::value,
                        StepKernelSupport.runner(spec.config(), settings.precision(), manager.getDevice()));
        return of(spec, settings, model, new FusedAdamW(model.manager(), weights, spec.optimizer(), kernels, scale),
                loss);
    }

    private static TrainingSetup of(RunSpec spec, StepSettings settings, GptJ model, AdamW optimizer,
                                    TrainingLoss loss) {
        NDManager manager = model.manager().getParentManager();
        return new TrainingSetup(manager, model, optimizer,
                new TrainingStep(loss, model, settings.microBatch(), spec.sequenceLength()));
    }

    @Override
    public void close() {
        manager.close();
        JniUtils.setNumThreads(Devices.threads());
    }
}
