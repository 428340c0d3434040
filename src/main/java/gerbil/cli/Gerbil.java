package gerbil.cli;

import gerbil.base.GerbilException;
import gerbil.model.Devices;
import picocli.CommandLine;
import picocli.CommandLine.Command;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;

/** {@code environment/gerbil}. */
@Command(name = "gerbil", mixinStandardHelpOptions = true, version = "Gerbil in Java 0.1.0",
        description = "Trains the Gerbil family of tiny GPT-J language models by budget class, and tabulates their "
                + "losses beside the published ones.",
        footer = {"", "A first session:",
            "  gerbil prepare                          tokens for the nano scale, from the default corpus",
            "  gerbil plan  --size 92k --class A,D     what two runs would take on this machine",
            "  gerbil train --size 92k --class A       train one of them",
            "  gerbil train --size 92k --class D --detach   train another in a process of its own",
            "  gerbil watch --model Gerbil-D-92k       see how far it is; stop ends it, and train goes on",
            "  gerbil list                             every run, with what to call it by",
            "  gerbil compare Gerbil-A-92k Gerbil-D-92k    their losses and what differs, side by side",
            "  gerbil sample --model Gerbil-A-92k      let it write",
            "  gerbil table                            the loss table, in results/",
            "  gerbil report                           one page of everything, results/report.html",
            "  gerbil export --model Gerbil-A-92k --out folder   a folder that transformers loads",
            "  gerbil score --model Gerbil-A-92k --files folder   its scores in tasks, from the datasets' files", "",
            "Exit status: 0 done, 1 refused or failed (the reason is printed), 2 wrong arguments; ended by a signal",
            "128 and its number: 143 after stop, 130 after Ctrl-C, 129 after the terminal was closed."},
        subcommands = {PrepareCommand.class, PlanCommand.class, TrainCommand.class,
            ListCommand.class, WatchCommand.class, StopCommand.class, SampleCommand.class, InfillCommand.class,
            FillMasksCommand.class, ExportCommand.class, ImportCommand.class, ScoreCommand.class,
            ServeCommand.class, TableCommand.class, CompareCommand.class, ReportCommand.class, SweepCommand.class,
            BenchCommands.Inputs.class, BenchCommands.Step.class, BenchCommands.Tokens.class,
            BenchCommands.Sample.class, BenchCommands.Score.class, BenchCommands.FirstLoss.class,
            RehearseCommand.class})
public final class Gerbil implements Runnable {

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    public static void main(String... arguments) {
        System.exit(written(run(arguments)));
    }

    /** The status, or another if what was printed was lost: Java's own output keeps quiet about it. */
    private static int written(int status) {
        if (System.out.checkError()) {
            try (FileOutputStream output = new FileOutputStream(FileDescriptor.out)) {
                output.write('\n');
            } catch (IOException e) {
                if (!"Broken pipe".equals(e.getMessage())) { // whose reader wanted no more
                    System.err.println(new GerbilException("output that cannot be written (" + e.getMessage() + ")",
                            "room for all of it", "free some space, or write it to another place").getMessage());
                    return CommandLine.ExitCode.SOFTWARE;
                }
            }
        }
        return status;
    }

    static int run(String... arguments) {
        for (String argument : arguments) {
            if (argument.indexOf('\uFFFD') >= 0) {
                System.err.println(new GerbilException("the argument '" + argument + "', which cannot be read",
                        "arguments in UTF-8, in a locale of that character set",
                        "set LC_ALL=C.UTF-8, and write in UTF-8").getMessage());
                return CommandLine.ExitCode.USAGE;
            }
        }
        Optional<Class<?>> named = Stream.of(Gerbil.class.getAnnotation(Command.class).subcommands())
                .filter(command -> arguments.length > 0
                        && command.getAnnotation(Command.class).name().equals(arguments[0])).findFirst();
        if (named.filter(Computation.class::isAssignableFrom).isPresent()) {
            Devices.prepare();
        }
        // reading the options of all commands would take a tenth of a second more
        CommandLine line = named.isEmpty() ? new CommandLine(new Gerbil())
                : new CommandLine(named.get()).setCommandName("gerbil " + arguments[0]);
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            if (e instanceof GerbilException) {
                command.getErr().println(e.getMessage());
            } else if (e instanceof UncheckedIOException || e instanceof IOException) {
                command.getErr().println(GerbilException.ofFile(e).getMessage());
            } else {
                throw e;
            }
            return CommandLine.ExitCode.SOFTWARE;
        });
        return line.execute(named.isEmpty() ? arguments : Arrays.copyOfRange(arguments, 1, arguments.length));
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }
}
