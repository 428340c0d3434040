package gerbil.cli;

import gerbil.train.RunDirectory;
import gerbil.train.Workspace;
import picocli.CommandLine.Option;

import java.nio.file.Files;
import java.nio.file.Path;

/** Which run a command is about. */
final class RunOption {

    @Option(names = "--model", required = true, paramLabel = "NAME|FOLDER",
            description = "A model's name, such as Gerbil-A-92k (its newest run is taken), or a run's directory.")
    private String model;

    RunDirectory directory() {
        Path folder = Path.of(model);
        return Files.isDirectory(folder) ? RunDirectory.open(folder)
                : RunDirectory.newest(Workspace.here().runs(), model);
    }
}
