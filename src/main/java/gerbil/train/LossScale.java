package gerbil.train;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

/**
 * What the loss is multiplied by so that small gradients survive float16's range: doubled after 2,000 steps without an
 * overflow, halved after one with, whose step is left out (Micikevicius et al. 2018, with the constants of PyTorch's
 * {@code GradScaler}). In the other precisions it stays 1. In all of them it counts the steps that were left out.
 */
final class LossScale {

    static final float INITIAL = 65_536;
    static final int STEPS_TO_DOUBLE = 2_000;
    /** Below it, gradients overflow that are smaller than the loss's own: activations do, and no scale helps. */
    static final float LEAST = 1;

    private final boolean dynamic;
    private float scale;
    private int stepsAtScale;
    private int skipped;

    private LossScale(boolean dynamic, float scale) {
        this.dynamic = dynamic;
        this.scale = scale;
    }

    /** A scale that stays 1. */
    static LossScale none() {
        return new LossScale(false, 1);
    }

    /** A scale that adapts. */
    static LossScale dynamic() {
        return new LossScale(true, INITIAL);
    }

    /** Whether it adapts. */
    boolean isDynamic() {
        return dynamic;
    }

    float value() {
        return scale;
    }

    /** Whether it was halved so often that no scale would have helped. */
    boolean isTooSmall() {
        return scale < LEAST;
    }

    /** Begins again where it began, if it is too small. */
    void restart() {
        scale = isTooSmall() ? INITIAL : scale;
    }

    /** Steps left out so far. */
    int skipped() {
        return skipped;
    }

    /** Adapts to a step's gradient, whose update was left out if the norm is not a number. */
    void adapt(double gradientNorm) {
        boolean finite = Double.isFinite(gradientNorm);
        skipped += finite ? 0 : 1;
        if (dynamic) {
            stepsAtScale = finite ? stepsAtScale + 1 : 0;
            if (!finite) {
                scale /= 2;
            } else if (stepsAtScale == STEPS_TO_DOUBLE) {
                scale *= 2;
                stepsAtScale = 0;
            }
        }
    }

    /** What a checkpoint keeps. */
    NDArray state(NDManager manager) {
        return manager.create(new float[] {scale, stepsAtScale, skipped});
    }

    void restore(NDArray state) {
        float[] values = state.toFloatArray();
        scale = values[0];
        stepsAtScale = (int) values[1];
        skipped = (int) values[2];
    }
}
