package gerbil.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StepKernelSupportTest {

    private static GptJConfig config(String size) {
        return ModelSize.of(size).config(Objective.BLENDER);
    }

    @ParameterizedTest
    @ValueSource(strings = {"3.3m", "6.7m", "15m", "32m"})
    void thePublishedSizesHaveKernels(String size) {
        assertTrue(StepKernelSupport.unsuitable(config(size), Precision.FLOAT16, 75).isEmpty());
        assertTrue(StepKernelSupport.unsuitable(config(size), Precision.BFLOAT16, 80).isEmpty());
    }

    @ParameterizedTest
    @CsvSource({"3.3m, FLOAT32, 90, the precision is float32", "3.3m, BFLOAT16, 75, the GPU's is 7.5",
        "15m, FLOAT16, 70, the GPU's is 7.0", "40k, FLOAT16, 75, a width of 16"})
    void whatHasNoneIsToldWhy(String size, Precision precision, int capability, String reason) {
        String found = StepKernelSupport.unsuitable(config(size), precision, capability).orElseThrow();
        assertTrue(found.contains(reason), found);
    }

    @Test
    void aProcessorRunsNone() {
        assertEquals("the kernels need a GPU, and this model is computed on the processor",
                StepKernelSupport.missing(config("3.3m"), Precision.BFLOAT16, Device.cpu()).orElseThrow());
        GerbilException e = assertThrows(GerbilException.class,
                () -> StepKernelSupport.runner(config("3.3m"), Precision.BFLOAT16, Device.cpu()));
        assertTrue(e.getMessage().contains("where the kernels need a GPU"), e.getMessage());
    }
}
