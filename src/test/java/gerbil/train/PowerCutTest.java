package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import gerbil.Campaign;
import gerbil.base.Sha256;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A run on a machine whose power fails behind any of its file operations. */
class PowerCutTest {

    private static final int STEPS = 8;
    private static final int EVERY = 3;

    @TempDir
    private Path folder;

    @Test
    void whatWasSavedIsThereAndTheRunEndsAsIfNothingHadHappened() throws Exception {
        PreparedTokens tokens = TestTokens.prepare(folder, 20_000);
        RunDirectory whole = RunDirectory.at(folder.resolve("whole"));
        trainer(tokens, whole, TrainingListener.NONE).run();
        PowerCuts cuts = new PowerCuts(folder) {

            @Override
            protected void cut(Path disk, String said) throws IOException {
                RunDirectory run = RunDirectory.at(disk.resolve("run"));
                List<String> notes = new ArrayList<>();
                int told = (int) said.lines().filter(line -> line.startsWith("step")).count();
                int saved = run.wholeCheckpoint(notes::add).map(c -> c.step()).orElse(0);
                assertEquals(List.of(), notes);
                assertTrue(saved >= (told - 1) / EVERY * EVERY, "step " + told + " was told, and saved is " + saved);
                if (said.contains("done")) {
                    assertEquals(whole.result().orElseThrow().heldoutLoss(), run.result().orElseThrow().heldoutLoss());
                }
                trainer(tokens, run, TrainingListener.NONE).run();
                assertEquals(weights(whole), weights(run));
                assertEquals(whole.result().orElseThrow().wholeRunLoss(), run.result().orElseThrow().wholeRunLoss());
            }
        };
        Campaign.report("Power cut while a run trains, saves and evaluates", cuts.run(Campaign.many("kills", 30),
                Training.class, cuts.disk().toString(), folder.toString())
                + "; from all of them the run ends with the same weights and losses, and no checkpoint is damaged");
    }

    private static String weights(RunDirectory run) throws IOException {
        return Sha256.hex(run.latestCheckpoint().orElseThrow().folder().resolve("weights.safetensors"));
    }

    private static Trainer trainer(PreparedTokens tokens, RunDirectory run, TrainingListener listener) {
        return new Trainer(SmallRun.of(tokens, STEPS), tokens, run, () -> SmallRun.settings(TrainingPath.FUSED, 2),
                listener, CheckpointPolicy.parse(String.valueOf(EVERY), 2, 0));
    }

    static final class Training {

        private Training() {
        }

        public static void main(String[] args) {
            NDManager.newBaseManager().close();
            trainer(PreparedTokens.open(Path.of(args[1]).resolve("tokens")), RunDirectory.at(Path.of(args[0], "run")),
                    (metrics, steps) -> System.out.println("step " + metrics.step())).run();
            System.out.println("done");
        }
    }
}
