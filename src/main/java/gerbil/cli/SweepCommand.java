package gerbil.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import gerbil.base.GerbilException;
import gerbil.results.LearningRates;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.DetachedRun;
import gerbil.runs.RunDirectory;
import gerbil.runs.Sweep;
import gerbil.runs.TrainingListener;
import gerbil.runs.Workspace;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.tokens.PreparedTokens;
import gerbil.train.Trainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.List;
import java.util.Locale;

@Command(name = "sweep", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Trains a run for each size, class (A to D), objective, seed and value of a setting, a line "
                + "each, and keeps a row of each in results/sweeps. What has finished, here or in a row, is not "
                + "trained again; what another process trains is left to it; one that fails does not keep the others "
                + "back. The record results/learning-rates.csv also gets trials of the learning rate alone on the "
                + "default tokens.")
final class SweepCommand implements Computation {

    @Mixin
    private RunOptions options;

    @Option(names = "--name", required = true, paramLabel = "NAME",
            description = "Of the sweep: its rows are in results/sweeps/NAME.")
    private String name;

    @Option(names = "--list",
            description = "Train nothing; print the command line of each run, for many machines (environment/cluster).")
    private boolean list;

    @Override
    public Integer call() throws IOException {
        Workspace workspace = Workspace.here();
        PreparedTokens tokens = options.tokens(workspace);
        List<RunSpec> specs = options.specs(tokens);
        if (specs.stream().anyMatch(spec -> spec.before().isPresent())) {
            throw new GerbilException("a class that continues another run in a sweep", "classes A to D",
                    "continue it by train, when the run before it has finished");
        }
        if (list) {
            options.commandLines().forEach(line -> System.out.println("train " + line));
            return 0;
        }
        Sweep sweep = workspace.sweep(name, specs);
        int missing = 0;
        for (RunSpec spec : sweep.specs()) {
            String settings = spec.distinction(sweep.specs());
            System.out.printf(Locale.ROOT, "%s, seed %d%s: ", spec.model(), spec.seed(),
                    settings.isEmpty() ? "" : ", " + settings);
            RunDirectory directory = RunDirectory.of(workspace.runs(), spec);
            try {
                if (sweep.result(spec).isEmpty() && DetachedRun.of(directory).isRunning()) {
                    System.out.println("left to the process that is " + directory.state());
                    missing++;
                    continue;
                }
                RunResult result = sweep.result(spec, () -> new Trainer(spec, tokens, directory,
                        () -> options.settings(spec, reason -> { }), TrainingListener.NONE,
                        CheckpointPolicy.DEFAULT).runUntilTerminated());
                System.out.printf(Locale.ROOT, "held-out loss %.4f, %.4f bits a byte%n", result.heldoutLoss(),
                        result.bitsPerByte());
                if (options.onDefaultTokens()) {
                    LearningRates.record(workspace.results(), result);
                }
            } catch (GerbilException e) {
                System.out.println(e.getMessage());
                if (e.getCause() != null && !(e.getCause() instanceof JsonProcessingException)) {
                    // not the run's own failure, as a loss that is no number or a damaged file is, but an interrupt,
                    // a disk, a device
                    throw e;
                }
                missing++;
            }
        }
        return missing == 0 ? 0 : 1;
    }
}
