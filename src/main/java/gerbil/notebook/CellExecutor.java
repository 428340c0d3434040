package gerbil.notebook;

import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RunnableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A kernel's executor of cells, in which what a cell throws may be replaced before the kernel reports it, and an
 * interrupted cell has time to end: kernels report an interrupt at once and leave the cell's thread running, beside the
 * next cell, with nobody to hear what it says. No thread of Java's can be stopped that does not look whether it is
 * interrupted; here one that prints is.
 */
final class CellExecutor extends AbstractExecutorService {

    /** A cell that takes longer is left to itself. */
    private static final Duration TO_END = Duration.ofSeconds(10);
    private static final String LEFT = "This cell does not end when it is interrupted, and goes on computing beside "
            + "the next ones. Kernel > Restart Kernel ends it.";
    private static final ThreadLocal<Cell<?>> RUNNING = new ThreadLocal<>();

    /** What is done for each cell; a cell of several snippets is several to a kernel. */
    interface Attendant {

        /** Called by the cell's thread before it. */
        void begins();

        /** What to report of what the cell threw; called by its thread. */
        Throwable reported(Throwable thrown);

        /** Called by the cell's thread after it. */
        void ends();

        /** Called by the kernel's thread before it reports that the cell failed. */
        void failed();
    }

    private final ExecutorService cells;
    private final Attendant attendant;

    CellExecutor(ExecutorService cells, Attendant attendant) {
        this.cells = cells;
        this.attendant = attendant;
    }

    /** Whether the current thread runs a cell that was interrupted. */
    static boolean isInterrupted() {
        return RUNNING.get() != null && RUNNING.get().interrupted;
    }

    /** Whether the current thread runs a cell that was interrupted and left to itself. */
    static boolean isLeft() {
        return RUNNING.get() != null && RUNNING.get().isCancelled();
    }

    @Override
    protected <T> RunnableFuture<T> newTaskFor(Callable<T> cell) {
        return new Cell<>(() -> {
            attendant.begins();
            try {
                return cell.call();
            } catch (InvocationTargetException e) {
                throw new InvocationTargetException(attendant.reported(e.getCause()));
            } finally {
                attendant.ends();
            }
        }, attendant);
    }

    private static final class Cell<T> extends FutureTask<T> {

        private final Attendant attendant;
        private volatile Thread thread;
        private volatile boolean interrupted;

        Cell(Callable<T> cell, Attendant attendant) {
            super(cell);
            this.attendant = attendant;
        }

        @Override
        public void run() {
            thread = Thread.currentThread();
            RUNNING.set(this);
            try {
                super.run();
            } finally {
                RUNNING.remove();
            }
        }

        @Override
        public T get() throws InterruptedException, ExecutionException {
            try {
                return super.get();
            } catch (ExecutionException | CancellationException e) {
                attendant.failed();
                throw e;
            }
        }

        @Override
        public boolean cancel(boolean interrupt) {
            if (!interrupt || thread == null || isDone()) {
                return super.cancel(interrupt);
            }
            interrupted = true;
            thread.interrupt();
            try {
                get(TO_END.toMillis(), TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                // how it ended is reported to who waits for the cell
            } catch (TimeoutException e) {
                System.err.println(LEFT);
                attendant.ends();
                return super.cancel(true);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            return true;
        }
    }

    @Override
    public void execute(Runnable task) {
        cells.execute(task);
    }

    @Override
    public void shutdown() {
        cells.shutdown();
    }

    @Override
    public List<Runnable> shutdownNow() {
        return cells.shutdownNow();
    }

    @Override
    public boolean isShutdown() {
        return cells.isShutdown();
    }

    @Override
    public boolean isTerminated() {
        return cells.isTerminated();
    }

    @Override
    public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
        return cells.awaitTermination(timeout, unit);
    }
}
