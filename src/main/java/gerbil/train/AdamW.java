package gerbil.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import gerbil.model.GptJ;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.OptimizerSettings.Decayed;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * AdamW with decoupled weight decay and clipping by the global norm, in the order and with the constants of PyTorch's
 * {@code clip_grad_norm_} and {@code AdamW}.
 */
final class AdamW implements AutoCloseable {

    private static final double CLIP_EPSILON = 1e-6;

    private record State(NDArray parameter, NDArray mean, NDArray square, boolean decayed) {
    }

    private final OptimizerSettings settings;
    private final NDManager manager;
    private final Map<String, State> states = new LinkedHashMap<>();
    private int step;

    /** An optimizer at step 0, its moments zero. */
    AdamW(GptJ model, OptimizerSettings settings) {
        this.settings = settings;
        manager = model.manager().newSubManager();
        model.weights().forEach((name, array) -> states.put(name, new State(array,
                manager.zeros(array.getShape()), manager.zeros(array.getShape()),
                settings.decayed() == Decayed.ALL || array.getShape().dimension() == 2)));
    }

    /**
     * Clips the accumulated gradients, updates every parameter, and sets the gradients to zero.
     *
     * @return the gradients' global L2 norm before clipping
     */
    double step(double learningRate) {
        step++;
        try (NDScope ignored = new NDScope()) {
            Map<State, NDArray> gradients = new LinkedHashMap<>();
            states.values().forEach(state -> gradients.put(state, state.parameter.getGradient()));
            NDList squares = new NDList(gradients.values().stream().map(g -> g.square().sum()).toList());
            double norm = Math.sqrt(NDArrays.stack(squares).sum().getFloat());
            double clip = Math.min(1, settings.clipNorm() / (norm + CLIP_EPSILON));
            gradients.forEach((state, gradient) -> {
                update(state, gradient.mul(clip), learningRate);
                gradient.subi(gradient);
            });
            return norm;
        }
    }

    private void update(State state, NDArray gradient, double learningRate) {
        double meanCorrection = 1 - Math.pow(settings.beta1(), step);
        double squareCorrection = 1 - Math.pow(settings.beta2(), step);
        state.mean.muli(settings.beta1()).addi(gradient.mul(1 - settings.beta1()));
        state.square.muli(settings.beta2()).addi(gradient.square().mul(1 - settings.beta2()));
        NDArray denominator = state.square.sqrt().div(Math.sqrt(squareCorrection)).add(settings.epsilon());
        // detached: PyTorch refuses to change a parameter in place while it records gradients
        NDArray parameter = state.parameter.stopGradient();
        if (state.decayed) {
            parameter.muli(1 - learningRate * settings.weightDecay());
        }
        parameter.subi(state.mean.div(denominator).mul(learningRate / meanCorrection));
    }

    /** Steps taken. */
    int steps() {
        return step;
    }

    /** The moments by name, {@code mean.<parameter>} and {@code square.<parameter>}; the arrays are the live ones. */
    Map<String, NDArray> moments() {
        Map<String, NDArray> moments = new LinkedHashMap<>();
        states.forEach((name, state) -> moments.put("mean." + name, state.mean));
        states.forEach((name, state) -> moments.put("square." + name, state.square));
        return moments;
    }

    /** Continues after {@code steps} steps with saved moments. */
    void restore(int steps, Map<String, NDArray> saved) {
        step = steps;
        moments().forEach((name, array) -> array.set(new NDIndex("..."), saved.get(name)));
    }

    @Override
    public void close() {
        manager.close();
    }
}
