package gerbil.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.OptimizerSettings.Decayed;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * AdamW with decoupled weight decay and clipping by the global norm, in the order and with the constants of PyTorch's
 * {@code clip_grad_norm_} and {@code AdamW}. There are two that agree to rounding: {@link PlainAdamW} in DJL operations
 * and {@link FusedAdamW} in three kernel calls.
 */
public abstract class AdamW implements AutoCloseable {

    static final double CLIP_EPSILON = 1e-6;
    static final NDIndex EVERYTHING = new NDIndex("...");
    private static final String LOSS_SCALE = "loss_scale";

    final OptimizerSettings settings;
    final NDManager manager;
    final NDList parameters;
    final NDList means = new NDList();
    final NDList squares = new NDList();
    final LossScale lossScale;
    private final List<String> names;
    private int steps;

    /** An optimizer at step 0, its moments zero. */
    AdamW(NDManager parent, Map<String, NDArray> weights, OptimizerSettings settings, LossScale lossScale) {
        this.settings = settings;
        this.lossScale = lossScale;
        manager = parent.newSubManager();
        names = List.copyOf(weights.keySet());
        parameters = new NDList(weights.values());
        for (NDArray parameter : parameters) {
            means.add(manager.zeros(parameter.getShape()));
            squares.add(manager.zeros(parameter.getShape()));
        }
    }

    /**
     * Clips the accumulated gradients, updates every parameter, and sets the gradients to zero. Where their norm is not
     * a number, the update is left out.
     *
     * @return the gradients' global L2 norm before clipping
     */
    public double step(double learningRate) {
        try (NDScope ignored = new NDScope()) {
            return step(learningRate, manager.zeros(new Shape(1)));
        }
    }

    /**
     * As {@link #step(double)}, and leaves the update out if a loss is not a number.
     *
     * @param losses on the parameters' device, read there, so that nobody waits for it
     * @return the norm; NaN if a loss is not a number
     */
    double step(double learningRate, NDArray losses) {
        steps++;
        try (NDScope ignored = new NDScope()) {
            double norm = update(new NDList(parameters.stream().map(NDArray::getGradient).toList()), losses,
                    learningRate);
            lossScale.adapt(norm);
            return norm;
        }
    }

    /**
     * Clips, updates and zeroes; {@link #steps} counts this step already.
     *
     * @return the norm before clipping, with which the update was left out if it is not a number
     */
    abstract double update(NDList gradients, NDArray losses, double learningRate);

    /** Weight decay of a parameter: of matrices, and of vectors if all decay. */
    double decay(int dimensions) {
        return settings.decayed() == Decayed.ALL || dimensions == 2 ? settings.weightDecay() : 0;
    }

    /** What the loss is multiplied by. */
    LossScale lossScale() {
        return lossScale;
    }

    /** Steps taken, with those that were left out. */
    int steps() {
        return steps;
    }

    /** The moments by name, {@code mean.<parameter>} and {@code square.<parameter>}; the arrays are the live ones. */
    Map<String, NDArray> moments() {
        Map<String, NDArray> moments = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            moments.put("mean." + names.get(i), means.get(i));
            moments.put("square." + names.get(i), squares.get(i));
        }
        return moments;
    }

    /** What a checkpoint keeps: the moments, the loss scale, and how many steps were left out. */
    Map<String, NDArray> saved() {
        Map<String, NDArray> saved = moments();
        saved.put(LOSS_SCALE, lossScale.state(manager));
        return saved;
    }

    /**
     * Continues after a number of steps with what was saved.
     *
     * @throws GerbilException if something is missing or has another shape
     */
    void restore(int after, Map<String, NDArray> saved) {
        steps = after;
        saved().forEach((name, array) -> {
            NDArray given = saved.get(name);
            if (given == null || !given.getShape().equals(array.getShape())) {
                throw new GerbilException("a checkpoint of step " + after + " with " + (given == null ? "no " + name
                        : name + " of shape " + given.getShape()), name + " of shape " + array.getShape(),
                        "delete that checkpoint and train again: that goes on from the one before");
            }
        });
        moments().forEach((name, array) -> array.set(EVERYTHING, saved.get(name)));
        lossScale.restore(saved.get(LOSS_SCALE));
    }

    @Override
    public void close() {
        manager.close();
    }
}
