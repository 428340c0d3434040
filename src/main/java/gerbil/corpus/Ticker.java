package gerbil.corpus;

import gerbil.base.Progress;

import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Says every few seconds what has been fetched, or, where nothing has come since, what is waited for. */
final class Ticker implements AutoCloseable {

    private static final ScheduledExecutorService CLOCK = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "ticker");
        thread.setDaemon(true);
        return thread;
    });

    private final String what;
    private final String host;
    private final Duration period;
    private final Progress progress;
    private final ScheduledFuture<?> ticks;
    private volatile long heard = System.nanoTime();
    private volatile long bytes;
    private volatile String trouble = "";

    /**
     * @param what is fetched
     * @param host from which
     */
    Ticker(String what, String host, Duration period, Progress progress) {
        this.what = what;
        this.host = host;
        this.period = period;
        this.progress = progress;
        ticks = CLOCK.scheduleAtFixedRate(this::tick, period.toNanos(), period.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void tick() {
        Duration silence = Duration.ofNanos(System.nanoTime() - heard);
        if (silence.compareTo(period) >= 0) {
            progress.update("waiting for " + host + trouble, silence.toSeconds(), 0, "seconds");
        } else {
            progress.update("fetching " + what, bytes / 1_000_000, 0, "MB");
        }
    }

    /** That bytes have come; only one thread calls this. */
    void heard(int count) {
        heard = System.nanoTime();
        bytes += count;
    }

    /** Why nothing comes. */
    void trouble(String reason) {
        trouble = " (" + reason + ")";
    }

    @Override
    public void close() {
        ticks.cancel(false);
    }
}
