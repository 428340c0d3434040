package gerbil.runs;

import gerbil.base.GerbilException;
import gerbil.base.Unchecked;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;

/**
 * A run that a process of its own trains, or has trained: it outlives the notebook, the Jupyter server and the browser.
 * Whoever names the run directory can watch it and stop it.
 */
public final class DetachedRun {

    private static final String LOG = "log.txt";
    private static final int LOG_LINES = 5;
    private static final long LOG_BYTES = 1 << 13;
    private static final long MILLISECONDS_TO_LOOK = 200;
    /** A step ends between two passes, and a checkpoint of the largest size is a gigabyte. */
    private static final Duration TIME_TO_STOP = Duration.ofSeconds(20);

    private final RunDirectory directory;

    private DetachedRun(RunDirectory directory) {
        this.directory = directory;
    }

    /** A run by its directory, whether it is being trained or not. */
    public static DetachedRun of(RunDirectory directory) {
        return new DetachedRun(directory);
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
        return Unchecked.io(() -> directory.holder().map(holder -> OptionalLong.of(holder.process()))
                .orElse(OptionalLong.empty()));
    }

    /**
     * Ends the process after a checkpoint, and waits for that. The run goes on when it is started again.
     *
     * @throws GerbilException if nobody trains there, or it is a notebook or another machine that does; or if it has
     *     not ended in 20 seconds, as while it is suspended
     */
    public void stop() {
        stop(TIME_TO_STOP);
    }

    void stop(Duration patience) {
        long pid = process().orElseThrow(() -> new GerbilException("nobody who trains in " + directory.folder(),
                "a run in progress", "start it, or name another run"));
        ProcessHandle process = ProcessHandle.of(pid).orElseThrow(() -> new GerbilException(pid == 0
                ? "a lock in " + directory.folder() + " that does not name the process which holds it"
                : "process " + pid + ", which is not one of this machine's", "a process that can be told to stop",
                "stop it where it was started"));
        try {
            // a signal would end a notebook's whole kernel, and without a checkpoint
            if (!directory.stopsOnSignal()) {
                throw new GerbilException("process " + pid + ", which is a notebook's or another program's",
                        "a run in a process of its own", "interrupt the notebook's cell");
            }
            process.destroy();
            long deadline = System.nanoTime() + patience.toNanos();
            while (process().orElse(0) == pid) {
                if (System.nanoTime() > deadline) {
                    throw new GerbilException("process " + pid + ", which was asked to stop and has not in "
                            + patience.toSeconds() + " seconds", "its end after a checkpoint",
                            "wait, if its disk is slow; if it is suspended, wake it with kill -CONT " + pid
                                    + ": then it stops; kill -KILL " + pid + " ends it without a checkpoint");
                }
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
     * @return the result; at once if the run finished before
     * @throws GerbilException if the run ends without a result, with what its process said last; or if the thread is
     *     interrupted, which leaves the run alone
     */
    public RunResult follow(TrainingListener listener) {
        if (directory.result().isPresent()) {
            listener.begin(directory.metrics(), spec().steps());
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
        if (Files.notExists(log())) {
            return "";
        }
        try (RandomAccessFile file = new RandomAccessFile(log().toFile(), "r")) {
            byte[] end = new byte[(int) Math.min(LOG_BYTES, file.length())];
            file.seek(file.length() - end.length);
            file.readFully(end);
            List<String> lines = new String(end, StandardCharsets.UTF_8).lines().toList();
            return String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
