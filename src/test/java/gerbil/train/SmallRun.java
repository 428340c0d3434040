package gerbil.train;

import gerbil.model.Devices;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;

import java.util.List;

/** Runs of 40k with steps of four sequences of 64 tokens: some milliseconds each. */
final class SmallRun {

    static final int BATCH = 256;
    static final int LENGTH = 64;
    /** Those that any device has. */
    static final List<TrainingPath> PATHS = List.of(TrainingPath.PLAIN, TrainingPath.FUSED);

    static {
        // to the log, so that it says what was tested; with -Dgerbil.device=gpu a GPU
        System.err.println("small runs are computed on " + Devices.of(ModelSize.of("40k").config(Objective.CAUSAL)));
    }

    private SmallRun() {
    }

    static RunSpec of(PreparedTokens tokens, int steps) {
        return new RunSpec("40k", BudgetClass.A, Objective.CAUSAL, (long) steps * BATCH, BATCH, LENGTH, 0,
                OptimizerSettings.withLearningRate(1e-2), tokens.train().manifest().tokenizer(),
                tokens.train().hash(), tokens.heldout().hash());
    }

    /** In float32, with chunks of the head smaller than its rows. */
    static StepSettings settings(TrainingPath path, int microBatch) {
        return new StepSettings(path, Precision.FLOAT32, microBatch, 64, 300, false, 1);
    }
}
