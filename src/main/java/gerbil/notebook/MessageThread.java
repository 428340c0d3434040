package gerbil.notebook;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** The thread that sends for the cells: a cell's own may be interrupted, and then the kernel's sockets fail. */
final class MessageThread {

    private volatile Thread thread;
    private final ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor(work -> {
        thread = new Thread(work, "gerbil-messages");
        thread.setDaemon(true);
        return thread;
    });

    /** Runs the work there and returns when it is done, even if the calling thread is interrupted. */
    <T> T run(Supplier<T> work) {
        return Thread.currentThread() == thread ? work.get() : CompletableFuture.supplyAsync(work, executor).join();
    }

    void later(Duration delay, Runnable work) {
        executor.schedule(work, delay.toMillis(), TimeUnit.MILLISECONDS);
    }
}
