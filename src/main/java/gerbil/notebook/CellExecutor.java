package gerbil.notebook;

import java.lang.reflect.InvocationTargetException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RunnableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.UnaryOperator;

/**
 * A kernel's executor of cells, in which what a cell throws may be replaced before the kernel reports it, and an
 * interrupted cell has time to end: kernels report an interrupt at once and leave the cell's thread running, beside the
 * next cell, with nobody to hear what it says.
 */
final class CellExecutor extends AbstractExecutorService {

    /** A cell that takes longer is left to itself. */
    private static final Duration TO_END = Duration.ofSeconds(10);

    private final ExecutorService cells;
    private final UnaryOperator<Throwable> failure;

    CellExecutor(ExecutorService cells, UnaryOperator<Throwable> failure) {
        this.cells = cells;
        this.failure = failure;
    }

    @Override
    protected <T> RunnableFuture<T> newTaskFor(Callable<T> cell) {
        return new Cell<>(() -> {
            try {
                return cell.call();
            } catch (InvocationTargetException e) {
                throw new InvocationTargetException(failure.apply(e.getCause()));
            }
        });
    }

    private static final class Cell<T> extends FutureTask<T> {

        private volatile Thread thread;

        Cell(Callable<T> cell) {
            super(cell);
        }

        @Override
        public void run() {
            thread = Thread.currentThread();
            super.run();
        }

        @Override
        public boolean cancel(boolean interrupt) {
            if (!interrupt || thread == null || isDone()) {
                return super.cancel(interrupt);
            }
            thread.interrupt();
            try {
                get(TO_END.toMillis(), TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                // how it ended is reported to who waits for the cell
            } catch (TimeoutException e) {
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
