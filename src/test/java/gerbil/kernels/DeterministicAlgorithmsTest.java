package gerbil.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** In a process of its own, since the switch is PyTorch's and not ours to turn back. */
class DeterministicAlgorithmsTest {

    /** An operator that has no fixed order on a processor either, but is right where no two values meet. */
    static final class Warned {

        private Warned() {
        }

        public static void main(String[] args) {
            Engine.getInstance();
            DeterministicAlgorithms.enable();
            try (NDManager manager = NDManager.newBaseManager()) {
                // nothing is filled with not-a-number
                System.out.println(manager.create(new Shape(1_000_000)).isNaN().any().getBoolean());
                manager.create(new float[] {1, 2, 3}).put(manager.create(new long[] {0, 2}),
                        manager.create(new float[] {5, 6}));
            }
        }
    }

    @Test
    void pytorchWarnsOfOperatorsWithoutAFixedOrder() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), Warned.class.getName()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.contains("false") && output.contains("deterministic"), output);
    }
}
