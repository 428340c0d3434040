package gerbil.cli;

import gerbil.base.GerbilException;
import gerbil.base.Units;
import gerbil.hub.LanguageModel;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.DetachedRun;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingRequest;
import gerbil.runs.Workspace;
import gerbil.spec.BaseModel;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.tokens.PreparedTokens;
import gerbil.train.BudgetPlan;
import gerbil.train.DetachedTraining;
import gerbil.train.PrintedProgress;
import gerbil.train.Trainer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

@Command(name = "train", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Trains models, one after another, after showing the plan of each. A run that was stopped "
                + "continues from its newest checkpoint; one that has finished is not run again.")
final class TrainCommand implements Computation {

    @Mixin
    private RunOptions options;

    @Option(names = "--from", paramLabel = "NAME[@STEP]|FOLDER",
            description = "Finetune: begin a new run with this model, a run's (after a step whose checkpoint is kept) "
                    + "or one in a folder of transformers, in place of random weights.")
    private String from;

    @Option(names = "--last-layers", paramLabel = "K",
            description = "Finetune only the last K layers (and the LayerNorm after them): everything before them, "
                    + "the embedding and the head stay as they are (default: all of the model is trained).")
    private Integer lastLayers;

    @Option(names = "--run-directory", paramLabel = "FOLDER",
            description = "Where to keep the one run (default: runs/<model>/<run id>).")
    private Path runDirectory;

    @Option(names = "--checkpoint-every", defaultValue = "60s", paramLabel = "TIME|STEPS",
            description = "Time between checkpoints, such as 60s, 5m or 1h (default: ${DEFAULT-VALUE}), longer where "
                    + "saving would take more than 2%% of it; or steps, such as 500.")
    private String checkpointEvery;

    @Option(names = "--keep-last", defaultValue = "2", paramLabel = "N",
            description = "How many of the newest checkpoints to keep (default: ${DEFAULT-VALUE}).")
    private int keepLast;

    @Option(names = "--keep-every", defaultValue = "0", paramLabel = "STEPS",
            description = "Keep older checkpoints too if their step is a multiple of this (default: none).")
    private int keepEvery;

    @Option(names = "--detach",
            description = "Train the one run in a process of its own, which outlives this terminal: see watch and "
                    + "stop.")
    private boolean detach;

    @Override
    public Integer call() throws IOException {
        if (from == null) {
            if (lastLayers != null) {
                throw new GerbilException("--last-layers without --from", "a trained model, of which layers can stay",
                        "add --from, or leave --last-layers out");
            }
            train(null, null);
        } else {
            Path folder = ModelOption.folder(from);
            try (LanguageModel model = TrainedModel.openFolder(folder)) {
                BaseModel base = model.base(name(model));
                options.from(lastLayers == null ? base : base.lastLayers(lastLayers));
                train(model, folder);
            }
        }
        return 0;
    }

    private String name(LanguageModel model) {
        return model instanceof TrainedModel trained ? trained.spec().model()
                : Path.of(from).toAbsolutePath().normalize().getFileName().toString();
    }

    /** With a model to begin with and its folder, or null. */
    private void train(LanguageModel base, Path baseFolder) {
        Workspace workspace = Workspace.here();
        CheckpointPolicy checkpoints = CheckpointPolicy.parse(checkpointEvery, keepLast, keepEvery);
        PreparedTokens tokens = options.tokens(workspace);
        List<RunSpec> specs = options.specs(tokens);
        if ((runDirectory != null || detach) && specs.size() > 1) {
            throw new GerbilException(specs.size() + " runs for one " + (detach ? "--detach" : "--run-directory"),
                    "one run", "name one size and one class, or leave the option out");
        }
        for (RunSpec spec : specs) {
            if (spec.before().isEmpty()) {
                train(spec, tokens, checkpoints, base, baseFolder);
            } else {
                try (TrainedModel before = TrainedModel.before(spec, workspace.runs())) {
                    train(spec.continuing(before.base()), tokens, checkpoints, before,
                            RunDirectory.of(workspace.runs(), before.spec()).folder());
                }
            }
        }
    }

    private void train(RunSpec spec, PreparedTokens tokens, CheckpointPolicy checkpoints, LanguageModel base,
                       Path baseFolder) {
        RunDirectory directory = runDirectory == null ? RunDirectory.of(Workspace.here().runs(), spec)
                : RunDirectory.at(runDirectory);
        if (detach && DetachedRun.of(directory).isRunning()) {
            System.out.println(running(DetachedRun.of(directory)));
            return;
        }
        directory.requireFree();
        directory.requireSame(spec, "choose another directory, or delete this one; to begin a new run with the weights "
                + "of this one: gerbil train --from " + directory.folder());
        StepSettings settings = directory.settings().orElseGet(() -> options.settings(spec));
        if (directory.result().isEmpty()) {
            PlanCommand.print(BudgetPlan.measure(spec, tokens.train(), settings), tokens.train());
        }
        if (detach && directory.result().isEmpty()) {
            System.out.println(running(DetachedTraining.start(directory, new TrainingRequest(spec,
                    tokens.folder().toString(), baseFolder == null ? null : baseFolder.toString(), settings,
                    checkpoints))));
            return;
        }
        Trainer trainer = new Trainer(spec, tokens, directory, () -> settings, new PrintedProgress(System.err),
                checkpoints);
        print((base == null ? trainer : trainer.from(base)).runUntilTerminated(), directory);
    }

    private static String running(DetachedRun run) {
        return String.format(Locale.ROOT, "%s: process %d trains in %s%n  watch it: gerbil watch --model %s%n"
                        + "  stop it:  gerbil stop --model %s", run.spec().model(),
                run.process().orElse(0), run.directory().folder(), run.spec().model(), run.spec().model());
    }

    static void print(RunResult result, RunDirectory directory) {
        System.out.printf(Locale.ROOT, "%s, seed %d: held-out loss %.4f nats a token, %.4f bits a byte; training loss "
                        + "%.4f (last %,d steps), %.4f (whole run)%s; %s; %s%n", result.spec().model(),
                result.spec().seed(), result.heldoutLoss(), result.bitsPerByte(), result.trainingLoss(),
                result.trainingLossSteps(), result.wholeRunLoss(), result.leftOut() == 0 ? "" : String.format(
                        Locale.ROOT, "; %,d batches left out, whose loss or gradient was no number", result.leftOut()),
                Units.seconds(result.wallSeconds()), directory.folder());
    }
}
