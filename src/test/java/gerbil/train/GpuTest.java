package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import org.junit.jupiter.api.Test;

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

    /** Four passes over 50,400 logits of two bytes, and 68 bytes for each of 4 x 32 columns. */
    @Test
    void aNarrowModelIsBoundByItsTraffic() {
        RunSpec spec = spec("3.3m");
        double tokens = (double) spec.steps() * spec.batchTokens();
        assertEquals(tokens * (8 * 50_400 + 68 * 4 * 32) / 320e9, Gpu.T4.seconds(spec),
                1e-6 * Gpu.T4.seconds(spec));
    }
}
