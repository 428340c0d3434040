package gerbil.spec;

import gerbil.base.GerbilException;

import java.util.Arrays;
import java.util.Locale;

/**
 * The number format of a training step's matrix products and attention on the fused path. Weights, moments, the
 * residual stream, LayerNorm and sums are float32 in all of them.
 */
public enum Precision {
    FLOAT32,
    /** 8 bits of precision, the range of float32: processors with AVX-512 BF16 or AMX, GPUs from Ampere (RTX 3060). */
    BFLOAT16,
    /** 11 bits of precision, a small range, and so a loss that is scaled up: GPUs of Turing (T4, RTX 2060). */
    FLOAT16;

    /** The name used in records and on the command line. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * @throws GerbilException if there is no precision of that name
     */
    public static Precision of(String name) {
        return Arrays.stream(values())
                .filter(p -> p.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new GerbilException("precision '" + name + "'",
                        "one of " + Arrays.stream(values()).map(Precision::label).toList(), "choose one of these"));
    }
}
