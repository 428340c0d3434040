package gerbil.cli;

import gerbil.train.RunDirectory;
import gerbil.train.TrainedModel;
import gerbil.model.Sampling;
import gerbil.train.Workspace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;

@Command(name = "sample", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Lets a trained model continue a text.")
final class SampleCommand implements Callable<Integer> {

    @Option(names = "--model", required = true, paramLabel = "NAME|FOLDER",
            description = "A model's name, such as Gerbil-A-92k (its newest run is taken), or a run's directory.")
    private String model;

    @Option(names = "--prompt", defaultValue = "", paramLabel = "TEXT",
            description = "What to continue (default: the beginning of a document).")
    private String prompt;

    @Option(names = "--tokens", defaultValue = "100", paramLabel = "N",
            description = "Tokens to add at most (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(names = "--temperature", defaultValue = "0.8",
            description = "0 takes the likeliest token each time (default: ${DEFAULT-VALUE}).")
    private double temperature;

    @Option(names = "--top-k", defaultValue = "0", description = "Keep this many tokens (default: all).")
    private int topK;

    @Option(names = "--top-p", defaultValue = "0.95",
            description = "Keep this much probability (default: ${DEFAULT-VALUE}).")
    private double topP;

    @Option(names = "--seed", defaultValue = "0", description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Override
    public Integer call() {
        Path folder = Path.of(model);
        RunDirectory run = Files.isDirectory(folder) ? RunDirectory.open(folder)
                : RunDirectory.newest(Workspace.here().runs(), model);
        try (TrainedModel trained = TrainedModel.open(run)) {
            System.out.println(trained.continueText(prompt, tokens, new Sampling(temperature, topK, topP), seed));
        }
        return 0;
    }
}
