package gerbil.cli;

import gerbil.model.Sampling;
import gerbil.train.RunDirectory;
import gerbil.train.TrainedModel;
import gerbil.train.Workspace;
import picocli.CommandLine.Option;

import java.nio.file.Files;
import java.nio.file.Path;

/** What the commands that let a model write share: which model, and how its tokens are drawn. */
final class GenerationOptions {

    @Option(names = "--model", required = true, paramLabel = "NAME|FOLDER",
            description = "A model's name, such as Gerbil-A-92k (its newest run is taken), or a run's directory.")
    private String model;

    @Option(names = "--temperature", paramLabel = "T",
            description = "0 takes the likeliest token each time (default: 0.8; for masks 0).")
    private Double temperature;

    @Option(names = "--top-k", defaultValue = "0", description = "Keep this many tokens (default: all).")
    private int topK;

    @Option(names = "--top-p", defaultValue = "0.95",
            description = "Keep this much probability (default: ${DEFAULT-VALUE}).")
    private double topP;

    @Option(names = "--seed", defaultValue = "0", description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    TrainedModel open() {
        Path folder = Path.of(model);
        return TrainedModel.open(Files.isDirectory(folder) ? RunDirectory.open(folder)
                : RunDirectory.newest(Workspace.here().runs(), model));
    }

    /** How to draw; with a temperature for who gives none. */
    Sampling sampling(double defaultTemperature) {
        return new Sampling(temperature == null ? defaultTemperature : temperature, topK, topP);
    }

    long seed() {
        return seed;
    }
}
