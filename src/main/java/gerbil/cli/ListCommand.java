package gerbil.cli;

import gerbil.runs.RunSummary;
import gerbil.runs.Workspace;
import picocli.CommandLine.Command;

import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

@Command(name = "list", mixinStandardHelpOptions = true,
        description = "Shows every run under runs/, whatever its seed, corpus or settings: what it is called, on which "
                + "corpus, its seed, learning rate, held-out loss in nats a token, when it was begun, and its state.")
final class ListCommand implements Callable<Integer> {

    @Override
    public Integer call() {
        List<RunSummary> runs = Workspace.here().runList().summaries();
        int name = width(runs.stream().map(RunSummary::run).toList(), "run");
        int model = width(runs.stream().map(RunSummary::model).toList(), "model");
        int corpus = width(runs.stream().map(RunSummary::corpus).toList(), "corpus");
        String format = "%-" + name + "s  %-" + model + "s  %-" + corpus + "s  %4s  %7s  %13s  %-20s  %s%n";
        System.out.printf(Locale.ROOT, format, "run", "model", "corpus", "seed", "rate", "held-out loss", "begun",
                "state");
        for (RunSummary run : runs) {
            System.out.printf(Locale.ROOT, format, run.run(), run.model(), run.corpus(),
                    run.seed().isPresent() ? run.seed().getAsLong() : "",
                    run.learningRate().isPresent() ? run.learningRate().getAsDouble() : "",
                    run.heldOutLoss().isPresent()
                            ? String.format(Locale.ROOT, "%.4f", run.heldOutLoss().getAsDouble()) : "",
                    run.started(), run.state());
        }
        return 0;
    }

    private static int width(List<String> texts, String heading) {
        return Math.max(heading.length(), texts.stream().mapToInt(String::length).max().orElse(0));
    }
}
