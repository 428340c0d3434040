package gerbil.cli;

import gerbil.hub.LanguageModel;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.Workspace;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which model a command is about. */
final class ModelOption {

    @Option(names = "--model", required = true, paramLabel = "NAME|FOLDER",
            description = "A model's name, such as Gerbil-A-92k (its newest run is taken), a run's directory, or a "
                    + "folder of transformers that holds a GPT-J.")
    private String model;

    /** The run that the option names; a folder of transformers is none. */
    RunDirectory run() {
        return run(model);
    }

    LanguageModel open() throws IOException {
        return open(model);
    }

    /** The model of a run, by name or directory, or of a folder of transformers. */
    static LanguageModel open(String model) throws IOException {
        return TrainedModel.openFolder(folder(model));
    }

    /** The absolute folder of a model: its newest run's, if it is not one itself. */
    static Path folder(String model) {
        Path folder = Path.of(model);
        return (Files.isDirectory(folder) ? folder : run(model).folder()).toAbsolutePath().normalize();
    }

    private static RunDirectory run(String model) {
        Path folder = Path.of(model);
        return Files.isDirectory(folder) ? RunDirectory.open(folder)
                : RunDirectory.newest(Workspace.here().runs(), model);
    }
}
