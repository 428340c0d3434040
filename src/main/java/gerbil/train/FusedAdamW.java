package gerbil.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import gerbil.kernels.Kernels;
import gerbil.spec.OptimizerSettings;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** AdamW in three kernel calls: one that clips, one for all vectors and one for all matrices. */
final class FusedAdamW extends AdamW {

    private final Kernels kernels;
    private final NDList counters = new NDList();

    FusedAdamW(NDManager parent, Map<String, NDArray> weights, OptimizerSettings settings, Kernels kernels,
               LossScale lossScale) {
        super(parent, weights, settings, lossScale);
        this.kernels = kernels;
        parameters.forEach(ignored -> counters.add(manager.zeros(new Shape())));
    }

    @Override
    double update(NDList gradients, NDArray losses, double learningRate) {
        NDList clip = kernels.call("clip", false, new Kernels.Arguments().add(gradients).add(losses)
                .add(kernels.numbers(settings.clipNorm(), lossScale.value())));
        update(gradients, clip, learningRate, 1);
        update(gradients, clip, learningRate, 2);
        // read last, since reading waits for the device
        return clip.get(0).getFloat();
    }

    /** Updates the vectors or the matrices: what decays and what does not are two calls. */
    private void update(NDList gradients, NDList clip, double learningRate, int dimensions) {
        NDArray numbers = kernels.numbers(learningRate, settings.beta1(), settings.beta2(), decay(dimensions),
                settings.epsilon());
        Kernels.Arguments arguments = new Kernels.Arguments();
        for (NDList list : List.of(parameters, gradients, means, squares, counters)) {
            arguments.add(IntStream.range(0, list.size())
                    .filter(i -> parameters.get(i).getShape().dimension() == dimensions).mapToObj(list::get).toList());
        }
        kernels.call("adamw", false, arguments.add(clip.get(1)).add(clip.get(2)).add(numbers));
    }

    @Override
    void restore(int after, Map<String, NDArray> saved) {
        super.restore(after, saved);
        counters.forEach(counter -> counter.muli(0).addi(after - lossScale.skipped()));
    }
}
