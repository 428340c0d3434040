package gerbil.cli;

import gerbil.hub.Export;
import gerbil.runs.TrainedModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Path;

@Command(name = "export", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Writes a run's model as a folder that transformers loads, with its card.")
final class ExportCommand implements Computation {

    @Mixin
    private ModelOption model;

    @Option(names = "--out", required = true, paramLabel = "FOLDER", description = "A new or an empty folder.")
    private Path out;

    @Override
    public Integer call() throws IOException {
        try (TrainedModel trained = model.openRun()) {
            Export.write(trained, trained.card(), out);
        }
        System.out.println(out);
        return 0;
    }
}
