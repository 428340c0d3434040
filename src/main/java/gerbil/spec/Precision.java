package gerbil.spec;

import gerbil.base.Choice;
import gerbil.base.GerbilException;

/**
 * The number format of a training step's matrix products and attention on the fused path. Weights, moments, the
 * residual stream, LayerNorm and sums are float32 in all of them.
 */
public enum Precision implements Choice {
    FLOAT32,
    /** 8 bits of precision, the range of float32: processors with AVX-512 BF16 or AMX, GPUs from Ampere (RTX 3060). */
    BFLOAT16,
    /** 11 bits of precision, a small range, and so a loss that is scaled up: GPUs of Turing (T4, RTX 2060). */
    FLOAT16;

    /**
     * @throws GerbilException if there is no precision of that name
     */
    public static Precision of(String name) {
        return Choice.of(values(), "precision", name);
    }
}
