package gerbil.cli;

import gerbil.hub.LanguageModel;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import gerbil.train.DetachedRun;
import gerbil.train.RunDirectory;
import gerbil.train.StepTuning;
import gerbil.train.Trainer;
import gerbil.train.TrainingRequest;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;

/** What a detached process is: it trains what was asked for in a run directory. */
@Command(name = DetachedRun.COMMAND, hidden = true, mixinStandardHelpOptions = true,
        description = "Trains what a run directory's request.json asks for; train --detach writes it.")
final class TrainRequestCommand implements Callable<Integer> {

    @Parameters(paramLabel = "FOLDER", description = "The run directory.")
    private Path folder;

    @Override
    public Integer call() throws IOException {
        RunDirectory directory = RunDirectory.at(folder);
        TrainingRequest request = directory.request();
        Trainer trainer = new Trainer(request.spec(), PreparedTokens.open(Path.of(request.tokens())), directory,
                () -> settings(request), new ConsoleProgress(), Duration.ofMinutes(request.checkpointMinutes()));
        if (request.from() == null) {
            TrainCommand.print(TrainCommand.interruptible(trainer), directory);
        } else {
            try (LanguageModel beginning = ModelOption.open(request.from())) {
                TrainCommand.print(TrainCommand.interruptible(trainer.from(beginning)), directory);
            }
        }
        return 0;
    }

    private static StepSettings settings(TrainingRequest request) {
        return request.settings() == null ? StepTuning.choose(request.spec(), TrainingPath.FUSED) : request.settings();
    }
}
