package gerbil.cli;

import gerbil.results.LearningRates;
import gerbil.runs.RunDirectory;
import gerbil.runs.Workspace;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.tokens.PreparedTokens;
import gerbil.train.PrintedProgress;
import gerbil.train.Trainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

@Command(name = "sweep", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Trains each size and class at several learning rates and records the losses in "
                + "results/learning-rates.csv, from which the sizes' defaults were taken.")
final class SweepCommand implements Callable<Integer> {

    @Mixin
    private RunOptions options;

    @Option(names = "--rates", split = ",", paramLabel = "RATE", defaultValue = "2e-3,4e-3,8e-3,1.6e-2,3.2e-2",
            description = "Peak learning rates (default: ${DEFAULT-VALUE}).")
    private List<Double> rates;

    @Override
    public Integer call() throws IOException {
        Workspace workspace = Workspace.here();
        PreparedTokens tokens = options.tokens(workspace);
        for (RunSpec spec : options.specs(tokens)) {
            for (double rate : rates) {
                RunSpec trial = spec.withLearningRate(rate);
                RunResult result = new Trainer(trial, tokens, RunDirectory.of(workspace.sweeps(), trial),
                        () -> options.settings(trial), new PrintedProgress(System.err),
                        java.time.Duration.ofMinutes(5)).run();
                LearningRates.record(workspace.results(), result);
                System.out.printf(Locale.ROOT, "%s, seed %d at %.1e: held-out loss %.4f, training loss %.4f%n",
                        spec.model(), spec.seed(), rate, result.heldoutLoss(), result.trainingLoss());
            }
        }
        return 0;
    }
}
