package gerbil.train;

import gerbil.kernels.HeadChunks;
import gerbil.spec.GptJConfig;

/**
 * Bytes that a training step of the fused path takes on a GPU in a 16-bit precision, at its peak: while the head goes
 * through the first rows, when the layers' activations wait for the backward pass and the optimizer's state is there.
 * What the operators of {@code kernels.py} keep was counted by PyTorch on a processor, with a GPU's head and attention:
 * {@link #activations} is within 1 % of it. {@link #LIBRARIES} and what operators take within themselves have not been
 * read from a card.
 */
final class StepMemory {

    /** CUDA's context, the kernels loaded, and cuBLAS's workspaces: about what they are known to take; not measured. */
    private static final long LIBRARIES = 600L << 20;

    private StepMemory() {
    }

    /**
     * Of a step that computes some sequences at once.
     *
     * @param length tokens of a sequence
     */
    static long bytes(GptJConfig config, int length, int sequences) {
        // weights, gradients and two moments in float32
        return LIBRARIES + 4 * Float.BYTES * config.parameters() + activations(config, length, sequences);
    }

    /** What comes and goes with each micro-batch. */
    static long activations(GptJConfig config, int length, int sequences) {
        long width = config.width();
        long entries = config.vocabulary();
        long tokens = (long) length * sequences;
        // a layer's: the residual stream in float32; in 16 bits LayerNorm's output (1), the MLP before GELU (4),
        // rotated queries and keys beside values (3), attention's result (1), and that beside GELU's (5); in float32
        // attention's log-sum-exp of each head, and LayerNorm's mean and deviation
        long layer = (4 + 2 * 14) * width + 4L * config.heads() + 8;
        // the head's: the last residual stream, its LayerNorm and gradient, and the numbers of a row, in float32; rows
        // and rows with a column of ones in 16 bits; what a chunk's products make
        long head = 22 * width + 36;
        // of each entry: logits of the rows at once, weight and the product of its gradient in 16 bits, and the
        // gradient's sum in float32; gradients have eight columns more
        long entry = 2 * Math.min(HeadChunks.GPU.chunk(), tokens) + 2 * width + (2 + 4) * (width + 8) + 2;
        // layers' weights, packed, in 16 bits
        long packed = 2 * 12 * width * width * config.layers();
        return tokens * (config.layers() * layer + head) + entries * entry + packed;
    }
}
