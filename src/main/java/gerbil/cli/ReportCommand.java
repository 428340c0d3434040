package gerbil.cli;

import gerbil.base.GerbilException;
import gerbil.base.WholeFile;
import gerbil.kernels.Sampling;
import gerbil.notebook.Report;
import gerbil.results.LossTable;
import gerbil.runs.RunDirectory;
import gerbil.runs.RunList;
import gerbil.runs.TrainedModel;
import gerbil.runs.Workspace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.Callable;

@Command(name = "report", mixinStandardHelpOptions = true,
        description = "Writes results/report.html: the loss table, its figures, every run, what the models write, and "
                + "the machines, in one page that needs no other file and no network.")
final class ReportCommand implements Callable<Integer> {

    private static final Sampling SAMPLING = new Sampling(0.8, 0, 0.95);

    @Option(names = "--prompt", defaultValue = "", paramLabel = "TEXT",
            description = "What the models continue (default: the beginning of a document).")
    private String prompt;

    @Option(names = "--tokens", defaultValue = "80", paramLabel = "N",
            description = "Tokens of each sample (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Override
    public Integer call() throws IOException {
        Workspace workspace = Workspace.here();
        LossTable table = LossTable.collect(workspace.runs(), workspace.results());
        RunList list = workspace.runList();
        SortedMap<String, RunDirectory> runs = list.finished();
        SortedMap<String, String> samples = new TreeMap<>();
        runs.values().stream().map(run -> run.spec().model()).distinct().map(model -> list.trained(model).get(0))
                .forEach(run -> samples.put(list.name(run), sample(run)));
        Path page = workspace.results().resolve("report.html");
        WholeFile.write(page, Report.html(table, runs, list.summaries(), samples));
        System.out.println("written to " + page);
        return 0;
    }

    private String sample(RunDirectory run) {
        try (TrainedModel model = TrainedModel.open(run)) {
            return model.continueText(prompt, tokens, SAMPLING, 0);
        } catch (GerbilException e) {
            return "not whole: " + e.getMessage();
        }
    }
}
