package gerbil.train;

import gerbil.runs.CheckpointPolicy;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.spec.TrainingPath;

import java.nio.file.Path;

/** A small run for tests elsewhere. */
public final class FinishedRun {

    private FinishedRun() {
    }

    /**
     * Trains one, on tokens of its own.
     *
     * @param folder for its {@code tokens} and its {@code run}, with the last checkpoint alone
     */
    public static RunDirectory train(Path folder, int steps) {
        var tokens = TestTokens.prepare(folder, 2_000);
        RunDirectory run = RunDirectory.at(folder.resolve("run"));
        new Trainer(SmallRun.of(tokens, steps), tokens, run, () -> SmallRun.settings(TrainingPath.FUSED, 2),
                TrainingListener.NONE, CheckpointPolicy.parse("1h", 1, 0)).run();
        return run;
    }
}
