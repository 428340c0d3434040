package gerbil.train;

import gerbil.spec.GptJConfig;
import gerbil.spec.RunSpec;

import java.util.stream.IntStream;

/**
 * GPUs that the published models fit, how long a run may take there, and how many sequences at once it has the memory
 * for: estimates from public figures, since none of them was at hand. Peaks are those of tensor cores that multiply
 * 16-bit numbers and add in 32 bits, as PyTorch does; on GeForce cards that is half of the figure for 16-bit sums.
 */
public enum Gpu {
    /** Turing, 65 TFLOPS float16, 320 GB/s, 16 GB, 15 with error correction (NVIDIA T4 data sheet). */
    T4("T4", 65e12, 320e9, 15),
    /** Turing, 25.8 TFLOPS float16 (51.6 with 16-bit sums), 336 GB/s, 6 GB (NVIDIA Turing architecture whitepaper). */
    RTX_2060("RTX 2060", 25.8e12, 336e9, 6),
    /** Ampere, 25.5 TFLOPS bfloat16 (51 float16 with 16-bit sums), 360 GB/s, 12 GB (NVIDIA Ampere GA10x whitepaper). */
    RTX_3060("RTX 3060", 25.5e12, 360e9, 12);

    /** Share of the peak that is assumed: layers as narrow as these do not fill a GPU. */
    public static final double ASSUMED_SHARE = 0.2;

    /** Share of the memory that is assumed to be of use: a desktop takes some, and gaps between arrays. */
    private static final double MEMORY_SHARE = 0.85;

    /** Of the logits: written and read in the forward pass, and their gradients in the backward pass. */
    private static final int LOGIT_BYTES = 4 * Short.BYTES;
    /**
     * Of a layer for each of its columns: 34 kept for the backward pass (Korthikanti et al. 2022), written and read.
     */
    private static final int LAYER_BYTES = 2 * 34;

    private final String label;
    private final double peak;
    private final double bandwidth;
    private final long memory;

    /**
     * @param gigabytes of 2^30 bytes
     */
    Gpu(String label, double peak, double bandwidth, long gigabytes) {
        this.label = label;
        this.peak = peak;
        this.bandwidth = bandwidth;
        memory = gigabytes << 30;
    }

    /** The name used in tables. */
    public String label() {
        return label;
    }

    /** The most sequences that its memory has room for at once, of those that divide the batch; 0 for none. */
    public int microBatch(RunSpec spec) {
        return IntStream.rangeClosed(1, StepTuning.gpuMicroBatch(spec))
                .filter(m -> spec.batchSequences() % m == 0 && memory(spec, m) <= MEMORY_SHARE * memory)
                .max().orElse(0);
    }

    /** Bytes of a card's memory that a run takes with so many sequences at once. */
    public static long memory(RunSpec spec, int sequences) {
        return StepMemory.bytes(spec.config(), spec.sequenceLength(), sequences);
    }

    /**
     * Estimated time of a run: its matrix products at the assumed share of the peak, or the bytes that its activations
     * move at the memory's full bandwidth, whichever takes longer.
     */
    public double seconds(RunSpec spec) {
        GptJConfig config = spec.config();
        double tokens = (double) spec.steps() * spec.batchTokens();
        double operations = config.flopsPerToken(spec.sequenceLength());
        double bytes = (double) LOGIT_BYTES * config.vocabulary()
                + (double) LAYER_BYTES * config.layers() * config.width();
        return tokens * Math.max(operations / (peak * ASSUMED_SHARE), bytes / bandwidth);
    }
}
