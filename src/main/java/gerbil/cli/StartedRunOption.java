package gerbil.cli;

import gerbil.runs.DetachedRun;
import gerbil.runs.RunDirectory;
import gerbil.runs.Workspace;
import picocli.CommandLine.Option;

import java.nio.file.Files;
import java.nio.file.Path;

/** Which run a command is about, though it may have no checkpoint yet. */
final class StartedRunOption {

    @Option(names = "--model", required = true, paramLabel = "NAME|FOLDER",
            description = "A model's name, such as Gerbil-A-92k (the run started last is taken), or a run's directory.")
    private String model;

    DetachedRun run() {
        Path folder = Path.of(model);
        RunDirectory directory = Files.isDirectory(folder) ? RunDirectory.at(folder)
                : RunDirectory.lastStarted(Workspace.here().runs(), model);
        // refuses a folder that holds no run
        directory.spec();
        return DetachedRun.of(directory);
    }
}
