package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;

class GpuTest {

    private static RunSpec spec(String size) {
        return RunSpec.of(ModelSize.of(size), BudgetClass.A, Objective.CAUSAL, 0, "gpt2", "data", "heldout");
    }

    /**
     * About 3.2e8 operations a token: 6 for each of 8 x 12 x 512 x 512 + 50,400 x 512 weights, and 6 x 8 x 512 x 512.
     */
    @Test
    void aWideModelIsBoundByItsProducts() {
        RunSpec spec = spec("77m");
        double operations = 6.0 * (8 * 12 * 512 * 512 + 50_400 * 512) + 6 * 8 * 512 * 512;
        double tokens = (double) spec.steps() * spec.batchTokens();
        assertEquals(tokens * operations / (25.5e12 * 0.2), Gpu.RTX_3060.seconds(spec),
                1e-6 * Gpu.RTX_3060.seconds(spec));
    }

    /** 16 bytes a parameter, 600 MiB, the layers of 64 x 512 tokens, and the head's logits of 16,384 in two bytes. */
    @Test
    void memoryIsCountedAndDecidesHowManySequencesFit() {
        RunSpec spec = spec("3.3m");
        long layers = 32_768L * (4 * (32 * 32 + 4 * 4 + 8) + 22 * 32 + 36);
        long head = 50_400L * (2 * 16_384 + 2 * 32 + 6 * 40 + 2);
        assertEquals(16 * 3_326_112 + (600L << 20) + layers + head + 2 * 12 * 32 * 32 * 4, Gpu.memory(spec, 64));
        assertEquals(List.of(64, 64, 64), fitting("3.3m"));
        assertEquals(List.of(64, 64, 64), fitting("32m"));
        double room = 0.85 * (6L << 30);
        assertTrue(Gpu.memory(spec("104m"), 32) > room && Gpu.memory(spec("104m"), 16) < room);
        assertEquals(List.of(64, 16, 64), fitting("104m"));
    }

    private static List<Integer> fitting(String size) {
        return Arrays.stream(Gpu.values()).map(gpu -> gpu.microBatch(spec(size))).toList();
    }

    /** Four passes over 50,400 logits of two bytes, and 68 bytes for each of 4 x 32 columns. */
    @Test
    void aNarrowModelIsBoundByItsTraffic() {
        RunSpec spec = spec("3.3m");
        double tokens = (double) spec.steps() * spec.batchTokens();
        assertEquals(tokens * (8 * 50_400 + 68 * 4 * 32) / 320e9, Gpu.T4.seconds(spec),
                1e-6 * Gpu.T4.seconds(spec));
    }
}
