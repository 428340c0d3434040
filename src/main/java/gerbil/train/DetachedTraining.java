package gerbil.train;

import gerbil.base.DiskFull;
import gerbil.base.GerbilException;
import gerbil.hub.LanguageModel;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.DetachedRun;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.runs.TrainingRequest;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Trains in a process of its own: starts one, and is what runs in it. */
public final class DetachedTraining {

    private static final long MILLISECONDS_TO_LOOK = 200;

    /**
     * Runs a command in a process group of its own, so that signals to the kernel's or the terminal's group pass it by,
     * and deaf to a terminal that closes.
     */
    private static final List<String> APART = List.of("bash", "-c", "set -m; nohup \"$@\" & wait $!", "detached");

    private DetachedTraining() {
    }

    /**
     * Starts a run in its own directory under {@code runs}, as {@link Trainer#of} would train it. What is being trained
     * already, or has finished, is left alone.
     *
     * @param tokens the token sets, which the process opens again
     * @throws GerbilException if the process ends before it begins to train, with what it said
     */
    public static DetachedRun start(RunSpec spec, PreparedTokens tokens, Path runs) {
        return start(RunDirectory.of(runs, spec), new TrainingRequest(spec, tokens.folder().toString(), null, null,
                CheckpointPolicy.DEFAULT));
    }

    /** The same in any directory, and all else that can be asked for. */
    public static DetachedRun start(RunDirectory directory, TrainingRequest request) {
        DetachedRun run = DetachedRun.of(directory);
        try {
            if (directory.result().isEmpty() && !run.isRunning()) {
                directory.request(request);
                launch(run);
            }
            return run;
        } catch (IOException e) {
            throw DiskFull.explain(e, directory.folder(), "what was trained so far", "a megabyte and the checkpoints");
        }
    }

    private static void launch(DetachedRun run) throws IOException {
        List<String> command = new ArrayList<>(APART);
        command.addAll(java());
        command.addAll(List.of(DetachedTraining.class.getName(),
                run.directory().folder().toAbsolutePath().toString()));
        Process process = new ProcessBuilder(command).redirectInput(Path.of("/dev/null").toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(run.log().toFile())).start();
        // from then on the lock tells whether it runs
        try {
            while (!process.waitFor(MILLISECONDS_TO_LOOK, TimeUnit.MILLISECONDS)) {
                if (run.process().orElse(0) > 0) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            // it is on its way all the same
            Thread.currentThread().interrupt();
            return;
        }
        // what has ended without a result says so
        run.follow(TrainingListener.NONE);
    }

    /** This JVM's command: same binary, options and classes, so that the numbers are the same too. */
    private static List<String> java() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-agent") && !option.startsWith("-javaagent"))
                .forEach(command::add);
        command.addAll(List.of("-cp", classPath()));
        return command;
    }

    /**
     * In a notebook the system's class path is the kernel's; the kit is a jar with its libraries in a folder beside.
     */
    private static String classPath() {
        try {
            Path code = Path.of(DetachedTraining.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            return Files.isRegularFile(code) ? code + ":" + code.resolveSibling("lib") + "/*"
                    : System.getProperty("java.class.path");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Trains what a run directory's request asks for, and writes to its log how far it is or why it ended.
     *
     * @param arguments the run directory
     */
    public static void main(String[] arguments) throws IOException {
        RunDirectory directory = RunDirectory.at(Path.of(arguments[0]));
        Path file = DetachedRun.of(directory).log();
        try (PrintStream log = new PrintStream(new FileOutputStream(file.toFile(), true), true,
                StandardCharsets.UTF_8)) {
            try {
                train(directory, log);
                return;
            } catch (GerbilException e) {
                log.println(e.getMessage());
            } catch (IOException | UncheckedIOException e) {
                log.println(GerbilException.ofFile(e).getMessage());
            }
        }
        System.exit(1);
    }

    private static void train(RunDirectory directory, PrintStream log) throws IOException {
        TrainingRequest request = directory.request();
        Trainer trainer = new Trainer(request.spec(), PreparedTokens.open(Path.of(request.tokens())), directory,
                () -> settings(request), new PrintedProgress(log), request.checkpoints());
        if (request.from() == null) {
            trainer.runUntilTerminated();
        } else {
            try (LanguageModel base = TrainedModel.openFolder(Path.of(request.from()))) {
                trainer.from(base).runUntilTerminated();
            }
        }
    }

    private static StepSettings settings(TrainingRequest request) {
        return request.settings() == null ? StepTuning.choose(request.spec(), TrainingPath.FUSED) : request.settings();
    }
}
