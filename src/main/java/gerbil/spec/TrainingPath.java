package gerbil.spec;

import gerbil.base.Choice;
import gerbil.base.GerbilException;

/** How a training step is computed: ways to the same numbers, up to rounding. */
public enum TrainingPath implements Choice {
    /** PyTorch's fused operators: fast, and the default. */
    FUSED,
    /** CUDA kernels of our own, for a GPU. */
    KERNELS,
    /** Ordinary DJL operations: what a notebook shows and a fork changes. */
    PLAIN;

    /**
     * @throws GerbilException if there is no path of that name
     */
    public static TrainingPath of(String name) {
        return Choice.of(values(), "training path", name);
    }
}
