package gerbil.train;

import gerbil.base.DiskFull;
import gerbil.base.GerbilException;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.tokens.PreparedTokens;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URISyntaxException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/**
 * A run that a process of its own trains, or has trained: it outlives the notebook, the Jupyter server and the browser.
 * Whoever names the run directory can watch it and stop it.
 */
public final class DetachedRun {

    /** The hidden command of {@code gerbil} that trains what a run directory's request says. */
    public static final String COMMAND = "train-request";

    private static final String MAIN = "gerbil.cli.Gerbil";
    private static final String LOG = "log.txt";
    private static final int LOG_LINES = 5;
    private static final int CHECKPOINT_MINUTES = 5;
    private static final long MILLISECONDS_TO_LOOK = 200;

    /**
     * Runs a command in a process group of its own, so that signals to the kernel's or the terminal's group pass it by,
     * and deaf to a terminal that closes.
     */
    private static final List<String> APART = List.of("bash", "-c", "set -m; nohup \"$@\" & wait $!", "detached");

    private final RunDirectory directory;

    private DetachedRun(RunDirectory directory) {
        this.directory = directory;
    }

    /** A run by its directory, whether it is being trained or not. */
    public static DetachedRun of(RunDirectory directory) {
        return new DetachedRun(directory);
    }

    /**
     * Starts a run in its own directory under {@code runs}, as {@link Trainer#of} would train it. What is being trained
     * already, or has finished, is left alone.
     *
     * @param tokens the token sets, which the process opens again
     * @throws GerbilException if the process ends before it begins to train, with what it said
     */
    public static DetachedRun start(RunSpec spec, PreparedTokens tokens, Path runs) {
        return start(RunDirectory.of(runs, spec), new TrainingRequest(spec, folder(tokens), null, null,
                CHECKPOINT_MINUTES));
    }

    /** Folder of both token sets. */
    public static String folder(PreparedTokens tokens) {
        return tokens.train().folder().toAbsolutePath().normalize().getParent().toString();
    }

    /** The same in any directory, and all else that can be asked for. */
    public static DetachedRun start(RunDirectory directory, TrainingRequest request) {
        DetachedRun run = new DetachedRun(directory);
        try {
            if (directory.result().isEmpty() && !run.isRunning()) {
                directory.request(request);
                run.launch();
            }
            return run;
        } catch (IOException e) {
            throw DiskFull.explain(e, directory.folder(), "what was trained so far", "a megabyte and the checkpoints");
        }
    }

    private void launch() throws IOException {
        List<String> command = new ArrayList<>(APART);
        command.addAll(java());
        command.addAll(List.of(MAIN, COMMAND, directory.folder().toAbsolutePath().toString()));
        Process process = new ProcessBuilder(command).redirectInput(Path.of("/dev/null").toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile())).start();
        // from then on the lock tells whether it runs
        try {
            while (!process.waitFor(MILLISECONDS_TO_LOOK, TimeUnit.MILLISECONDS)) {
                if (process().orElse(0) > 0) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            // it is on its way all the same
            Thread.currentThread().interrupt();
            return;
        }
        if (directory.result().isEmpty() && !isRunning()) {
            throw ended(0);
        }
    }

    /** This JVM's command: same binary, options and classes, so that the numbers are the same too. */
    private static List<String> java() {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(option -> !option.startsWith("-agent") && !option.startsWith("-javaagent")
                        && !option.startsWith("-Dgerbil.home=")).forEach(command::add);
        command.add("-Dgerbil.home=" + Workspace.here().home());
        command.addAll(List.of("-cp", classPath()));
        return command;
    }

    /** In a notebook the system's class path is the kernel's; the kit is a jar with its libraries in a folder beside. */
    private static String classPath() {
        try {
            Path code = Path.of(DetachedRun.class.getProtectionDomain().getCodeSource().getLocation().toURI());
            return Files.isRegularFile(code) ? code + ":" + code.resolveSibling("lib") + "/*"
                    : System.getProperty("java.class.path");
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Files of the run. */
    public RunDirectory directory() {
        return directory;
    }

    /** What is or was trained. */
    public RunSpec spec() {
        return directory.spec();
    }

    /** What the detached process says: {@code log.txt} in the run directory. */
    public Path log() {
        return directory.folder().resolve(LOG);
    }

    /** Whether a process, detached or not, trains in the run directory now. */
    public boolean isRunning() {
        return process().isPresent();
    }

    /** The id of the process that trains in the run directory now, if there is one. */
    public OptionalLong process() {
        try {
            return RunLock.holder(directory.folder());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Ends the process after a checkpoint, and waits for that. The run goes on when it is started again.
     *
     * @throws GerbilException if nobody trains there, or it is a notebook or another machine that does
     */
    public void stop() {
        long pid = process().orElseThrow(() -> new GerbilException("nobody who trains in " + directory.folder(),
                "a run in progress", "start it, or name another run"));
        ProcessHandle process = ProcessHandle.of(pid).orElseThrow(() -> new GerbilException("process " + pid
                + ", which is not one of this machine's", "a process that can be told to stop",
                "stop it where it was started"));
        try {
            // a signal would end a notebook's whole kernel, and without a checkpoint
            if (!RunLock.heldBy(MAIN, directory.folder())) {
                throw new GerbilException("process " + pid + ", which is a notebook's or another program's",
                        "a run that gerbil train trains, detached or not", "interrupt the notebook's cell");
            }
            process.destroy();
            while (process().orElse(0) == pid) {
                Thread.sleep(MILLISECONDS_TO_LOOK);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new GerbilException("an interrupt while " + spec().model() + " was stopping",
                    "time for its checkpoint", "do nothing: it stops by itself", e);
        }
    }

    /**
     * Follows the run until it has finished: tells of all its steps, those of the past at once.
     *
     * @return the result; at once, and without steps, if the run finished before
     * @throws GerbilException if the run ends without a result, with what its process said last; or if the thread is
     *     interrupted, which leaves the run alone
     */
    public RunResult follow(TrainingListener listener) {
        if (directory.result().isPresent()) {
            return directory.result().get();
        }
        MetricsFollower metrics = new MetricsFollower(directory.metricsFile());
        int steps = spec().steps();
        try {
            boolean running = true;
            while (running) {
                // asked before the steps are read, so that none is missed
                running = isRunning();
                for (StepMetrics step : metrics.next()) {
                    listener.step(step, steps);
                }
                if (running) {
                    Thread.sleep(MILLISECONDS_TO_LOOK);
                }
            }
        } catch (InterruptedException | ClosedByInterruptException e) {
            Thread.interrupted();
            throw new GerbilException("an interrupt at step " + metrics.step() + " of " + steps + " of "
                    + spec().model() + ", which goes on in its own process", "patience until its end",
                    "follow it again whenever you like", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return directory.result().orElseThrow(() -> ended(metrics.step()));
    }

    private GerbilException ended(int step) {
        String last = lastLines();
        return new GerbilException("a run of " + spec().model() + " that nobody trains and that has no result, after "
                + "step " + step + " of " + spec().steps()
                + (last.isEmpty() ? "" : "; the last lines of " + log() + ":\n" + last + "\n"),
                "a run in progress, or a finished one",
                "start it again: it continues from its newest checkpoint. If it was killed, memory may have been "
                        + "short: close other programs first");
    }

    private String lastLines() {
        try {
            List<String> lines = Files.exists(log()) ? Files.readAllLines(log()) : List.of();
            return String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
