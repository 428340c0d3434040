package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import ai.djl.engine.Engine;
import gerbil.base.GerbilException;
import gerbil.model.Devices;
import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Scale;
import org.junit.jupiter.api.Test;

import java.util.List;

class DeviceTest {

    /** Prints the device of a nano and of a paper size, or why there is none. */
    static final class Asking {

        private Asking() {
        }

        public static void main(String[] args) {
            for (String size : List.of("183k", "3.3m")) {
                try {
                    GptJConfig config = ModelSize.of(size).config(Objective.CAUSAL);
                    System.out.println(Devices.of(config) + " " + Devices.leavesGpu(config));
                } catch (GerbilException e) {
                    System.out.println(e.getMessage());
                }
            }
        }
    }

    private static List<String> asked(String... environment) throws Exception {
        Process child = Child.start(List.of(environment), List.of(), Asking.class);
        List<String> lines = child.inputReader().lines().toList();
        assertEquals(0, child.waitFor());
        return lines;
    }

    @Test
    void whoWantsAGpuAndHasNoneIsNotGivenTheProcessor() throws Exception {
        assumeFalse(Engine.getInstance().defaultDevice().isGpu(), "this machine has a GPU");
        assertEquals(List.of("cpu() false", "cpu() false"), asked("env", "-u", "GERBIL_DEVICE"));
        List<String> wanted = asked("env", "GERBIL_DEVICE=cuda");
        assertEquals("cpu() false", wanted.get(0));
        assertTrue(wanted.get(1).startsWith("Found: no GPU that PyTorch can use, with GERBIL_DEVICE=cuda. Expected: "),
                wanted.get(1));
    }

    @Test
    void onlyLargeModelsAreComputedOnAGpu() {
        assumeFalse("gpu".equals(System.getProperty("gerbil.device")), "all models are asked onto the GPU");
        boolean gpu = Engine.getInstance().defaultDevice().isGpu();
        for (ModelSize size : ModelSize.ALL) {
            GptJConfig config = size.config(Objective.CAUSAL);
            assertEquals(gpu && size.scale() == Scale.PAPER, Devices.of(config).isGpu(), size.name());
            assertEquals(gpu && size.scale() == Scale.NANO, Devices.leavesGpu(config), size.name());
        }
    }
}
