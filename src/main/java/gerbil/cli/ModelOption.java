package gerbil.cli;

import gerbil.hub.LanguageModel;
import gerbil.runs.RunDirectory;
import gerbil.runs.RunList;
import gerbil.runs.TrainedModel;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Path;

/** Which model a command is about. */
final class ModelOption {

    @Option(names = "--model", required = true, paramLabel = "NAME|FOLDER",
            description = "A model's name, such as Gerbil-A-92k (of several runs the default one is taken, or the "
                    + "newest), a run's name in list, hash or directory, or a folder of transformers that holds a "
                    + "GPT-J.")
    private String model;

    /** The run that the option names; a folder of transformers is none. */
    RunDirectory run() {
        return RunDirectory.open(folder(model));
    }

    /** The model of a run, or of a folder of transformers. */
    LanguageModel open() throws IOException {
        return TrainedModel.openFolder(folder(model));
    }

    /** The absolute folder of a model: the run's, if it is not one itself. */
    static Path folder(String model) {
        return NamedRun.find(model, RunList::trained).folder().toAbsolutePath().normalize();
    }
}
