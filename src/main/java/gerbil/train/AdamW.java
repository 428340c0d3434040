package gerbil.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
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

    final OptimizerSettings settings;
    final NDManager manager;
    final NDList parameters;
    final NDList means = new NDList();
    final NDList squares = new NDList();
    private final List<String> names;
    private int steps;

    /** An optimizer at step 0, its moments zero. */
    AdamW(NDManager parent, Map<String, NDArray> weights, OptimizerSettings settings) {
        this.settings = settings;
        manager = parent.newSubManager();
        names = List.copyOf(weights.keySet());
        parameters = new NDList(weights.values());
        for (NDArray parameter : parameters) {
            means.add(manager.zeros(parameter.getShape()));
            squares.add(manager.zeros(parameter.getShape()));
        }
    }

    /**
     * Clips the accumulated gradients, updates every parameter, and sets the gradients to zero.
     *
     * @return the gradients' global L2 norm before clipping
     */
    public double step(double learningRate) {
        steps++;
        try (NDScope ignored = new NDScope()) {
            return update(new NDList(parameters.stream().map(NDArray::getGradient).toList()), learningRate);
        }
    }

    /**
     * Clips, updates and zeroes; {@link #steps} counts this step already.
     *
     * @return the norm before clipping; 0 if the step was left out because float16 overflowed
     */
    abstract double update(NDList gradients, double learningRate);

    /** Weight decay of a parameter: of matrices, and of vectors if all decay. */
    double decay(int dimensions) {
        return settings.decayed() == Decayed.ALL || dimensions == 2 ? settings.weightDecay() : 0;
    }

    /** What the loss is multiplied by. */
    LossScale lossScale() {
        return LossScale.none();
    }

    /** Steps taken. */
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

    /** What a checkpoint keeps: the moments, and what a path needs besides. */
    Map<String, NDArray> saved() {
        return moments();
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
        moments().forEach((name, array) -> array.set(new NDIndex("..."), saved.get(name)));
    }

    @Override
    public void close() {
        manager.close();
    }
}
