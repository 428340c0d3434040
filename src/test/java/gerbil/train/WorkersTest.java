package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import gerbil.base.Sha256;
import gerbil.objective.CausalSequences;
import gerbil.spec.BudgetClass;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A nano model comes out the same of one, two and four threads. */
class WorkersTest {

    @TempDir
    private Path folder;

    @Test
    void oneTwoAndFourThreadsTrainToTheSameBits() throws Exception {
        TestTokens.prepare(folder, 20_000);
        Set<String> models = new HashSet<>();
        for (int threads : new int[] {1, 2, 4}) {
            models.add(trained(threads));
        }
        assertEquals(1, models.size(), models::toString);
    }

    @Test
    void threeAndSixThreadsHaveAsManyWorkersEach() throws Exception {
        TestTokens.prepare(folder, 20_000);
        assertEquals("3", trained(3).split(" ")[0]);
        assertEquals("6", trained(6).split(" ")[0]);
    }

    private String trained(int threads) throws IOException, InterruptedException {
        Process child = Child.start(List.of("-Dai.djl.pytorch.num_threads=" + threads), Training.class,
                folder.toString());
        String told = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, child.waitFor());
        return told.strip();
    }

    /** Prints the number of workers, and the checksum of a model of 92k after two steps. */
    static final class Training {

        private Training() {
        }

        public static void main(String[] args) {
            PreparedTokens tokens = PreparedTokens.open(Path.of(args[0], "tokens"));
            RunSpec spec = new RunSpec("92k", BudgetClass.A, Objective.CAUSAL, 8_192, 4_096, 128, 0,
                    OptimizerSettings.withLearningRate(1e-2), "any", tokens.train().hash(), "any");
            StepSettings settings = StepTuning.choose(spec, TrainingPath.FUSED);
            MessageDigest digest = Sha256.begin();
            try (TrainingSetup setup = TrainingSetup.of(spec, settings)) {
                CausalSequences data = new CausalSequences(tokens.train(), 128, 0);
                for (int step = 0; step < 2; step++) {
                    setup.step().backward(data, 32L * step, 32);
                    setup.optimizer().step(1e-2);
                }
                setup.model().weights().values().forEach(weight -> digest.update(weight.toByteBuffer()));
            }
            System.out.println(settings.workers() + " " + Sha256.hex(digest));
        }
    }
}
