package gerbil.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** From whose classes {@code environment/setup.sh} makes the archive that other commands start with. */
@Command(name = "rehearse", hidden = true, mixinStandardHelpOptions = true,
        description = "Runs in small what people run: prepares tokens, trains, lets models write.")
final class RehearseCommand implements Callable<Integer> {

    @Option(names = "--texts", required = true, paramLabel = "FOLDER", description = "What to train on.")
    private Path texts;

    @Option(names = "--out", required = true, paramLabel = "FOLDER", description = "A new folder.")
    private Path out;

    @Override
    public Integer call() {
        String tokens = out.resolve("tokens").toString();
        String run = out.resolve("run").toString();
        String export = out.resolve("export").toString();
        return Stream.of(List.of("prepare", "--corpus", texts.toString(), "--out", tokens),
                List.of("train", "--size", "40k", "--class", "A", "--budget", "20k", "--tokens-folder", tokens,
                        "--run-directory", run),
                List.of("sample", "--model", run, "--tokens", "1"),
                List.of("export", "--model", run, "--out", export),
                List.of("sample", "--model", export, "--tokens", "1", "--prompt", "class")
        ).mapToInt(command -> Gerbil.run(command.toArray(String[]::new))).max().orElseThrow();
    }
}
