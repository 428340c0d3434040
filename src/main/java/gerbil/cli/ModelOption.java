package gerbil.cli;

import gerbil.hub.LanguageModel;
import gerbil.runs.RunList;
import gerbil.runs.TrainedModel;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which model a command is about. */
final class ModelOption {

    private static final Pattern AT_STEP = Pattern.compile("(.+)@(\\d{1,7})");

    @Option(names = "--model", required = true, paramLabel = "NAME|FOLDER",
            description = "A model's name, such as Gerbil-A-92k (of several runs the default one is taken, or the "
                    + "newest), a run's name in list, hash or directory, each with @STEP for a checkpoint that is "
                    + "kept, or a folder of transformers that holds a GPT-J.")
    private String model;

    /** The model of a run; a folder of transformers is none. */
    TrainedModel openRun() {
        return TrainedModel.openRun(folder(model));
    }

    /** The model of a run, or of a folder of transformers. */
    LanguageModel open() throws IOException {
        return TrainedModel.openFolder(folder(model));
    }

    /** The absolute folder of a model: what is named if it is one, the run's, or that of {@code NAME@STEP}. */
    static Path folder(String model) {
        Matcher atStep = AT_STEP.matcher(model);
        Path folder = Files.notExists(Path.of(model)) && atStep.matches()
                ? NamedRun.find(atStep.group(1), RunList::trained)
                        .requireCheckpoint(Integer.parseInt(atStep.group(2))).folder()
                : NamedRun.find(model, RunList::trained).folder();
        return folder.toAbsolutePath().normalize();
    }
}
