package gerbil.spec;

import gerbil.base.GerbilException;

import java.util.Arrays;
import java.util.Locale;

/** How a training step is computed: ways to the same numbers, up to rounding. */
public enum TrainingPath {
    /** PyTorch's fused operators: fast, and the default. */
    FUSED,
    /** CUDA kernels of our own, for a GPU. */
    KERNELS,
    /** Ordinary DJL operations: what a notebook shows and a fork changes. */
    PLAIN;

    /** The name used in records and on the command line. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * @throws GerbilException if there is no path of that name
     */
    public static TrainingPath of(String name) {
        return Arrays.stream(values())
                .filter(p -> p.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new GerbilException("training path '" + name + "'",
                        "one of " + Arrays.stream(values()).map(TrainingPath::label).toList(), "choose one of these"));
    }
}
