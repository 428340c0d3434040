package gerbil.cli;

import gerbil.runs.DetachedRun;
import gerbil.runs.RunDirectory;
import gerbil.runs.RunList;
import picocli.CommandLine.Option;

/** Which run a command is about, though it may have no checkpoint yet. */
final class StartedRunOption {

    @Option(names = "--model", required = true, paramLabel = "NAME|FOLDER",
            description = "A model's name, such as Gerbil-A-92k (of several runs the one that is trained now is taken, "
                    + "or the one started last), or a run's name in list, hash or directory.")
    private String model;

    DetachedRun run() {
        RunDirectory directory = NamedRun.find(model, RunList::started);
        // refuses a folder that holds no run
        directory.spec();
        return DetachedRun.of(directory);
    }
}
