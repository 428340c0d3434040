package gerbil.cli;

import gerbil.base.Choice;
import gerbil.notebook.Alignment;
import gerbil.notebook.RunComparison;
import gerbil.runs.RunDirectory;
import gerbil.runs.Workspace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

@Command(name = "compare", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Shows finished runs side by side: held-out losses, what differs in their specifications, how "
                + "large a difference seeds alone make, and the training losses as they went along. Runs that differ "
                + "in the seed alone are one group.")
final class CompareCommand implements Callable<Integer> {

    private static final int ROWS = 12;

    @Parameters(arity = "1..*", paramLabel = "RUN",
            description = "Names of runs in list, hashes, directories, or models' names, which stand for all their "
                    + "runs.")
    private List<String> names;

    @Option(names = "--by", defaultValue = "tokens", paramLabel = "NAME",
            description = "What the training losses are laid beside each other by: tokens (default), time or compute.")
    private String by;

    @Override
    public Integer call() {
        RunComparison comparison = RunComparison.of(names.stream().flatMap(CompareCommand::runs).toList(),
                Choice.of(Alignment.values(), "alignment", by));
        comparison.notes().forEach(System.out::println);
        Stream.concat(comparison.tables().stream(), Stream.of(comparison.curves(ROWS)))
                .forEach(table -> System.out.println("\n" + table.printAll()));
        return 0;
    }

    private static Stream<RunDirectory> runs(String name) {
        return Files.isDirectory(Path.of(name)) ? Stream.of(RunDirectory.open(Path.of(name)))
                : Workspace.here().runList().finished(name).stream();
    }
}
