package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintWriter;

/** The formula against what PyTorch counts of the operators that a step calls, with a GPU's head and attention. */
@EnabledIfEnvironmentVariable(named = StepMemoryTest.PYTHON, matches = ".+",
        disabledReason = "names no Python with PyTorch")
class StepMemoryTest {

    static final String PYTHON = "GERBIL_PEERS_PYTHON";
    private static final String KERNELS = "src/main/resources/gerbil/kernels/";
    private static final int LENGTH = 512;
    private static final String BFLOAT16 = "15";

    @Test
    void activationsAreWhatTheOperatorsKeep() throws IOException, InterruptedException {
        Process python = new ProcessBuilder(System.getenv(PYTHON), "environment/peers/step_memory.py",
                KERNELS + "kernels.py", KERNELS + "products.py", BFLOAT16, "16384", "0")
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (PrintWriter ask = new PrintWriter(python.getOutputStream(), true);
             BufferedReader answers = python.inputReader()) {
            double one = counted("3.3m", 1, ask, answers);
            double two = counted("3.3m", 2, ask, answers);
            GptJConfig config = ModelSize.of("3.3m").config(Objective.CAUSAL);
            double more = StepMemory.activations(config, LENGTH, 2) - StepMemory.activations(config, LENGTH, 1);
            assertEquals(two - one, more, 0.01 * more);
            counted("15m", 1, ask, answers);
            counted(config.withTiedHead(true), 1, ask, answers);
        }
        assertEquals(0, python.waitFor());
    }

    private static double counted(String size, int sequences, PrintWriter ask, BufferedReader answers)
            throws IOException {
        return counted(ModelSize.of(size).config(Objective.CAUSAL), sequences, ask, answers);
    }

    private static double counted(GptJConfig config, int sequences, PrintWriter ask, BufferedReader answers)
            throws IOException {
        ask.println(config.vocabulary() + " " + config.width() + " " + config.layers() + " " + config.heads() + " "
                + LENGTH + " " + sequences + " " + (config.tied() ? 1 : 0));
        double counted = Double.parseDouble(answers.readLine());
        assertEquals(counted, StepMemory.activations(config, LENGTH, sequences), 0.02 * counted, config.toString());
        return counted;
    }
}
