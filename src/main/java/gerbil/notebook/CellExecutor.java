package gerbil.notebook;

import java.lang.reflect.InvocationTargetException;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RunnableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** A kernel's executor of cells, in which what a cell throws may be replaced before the kernel reports it. */
final class CellExecutor extends AbstractExecutorService {

    private final ExecutorService cells;
    private final UnaryOperator<Throwable> failure;

    CellExecutor(ExecutorService cells, UnaryOperator<Throwable> failure) {
        this.cells = cells;
        this.failure = failure;
    }

    @Override
    protected <T> RunnableFuture<T> newTaskFor(Callable<T> cell) {
        return super.newTaskFor(() -> {
            try {
                return cell.call();
            } catch (InvocationTargetException e) {
                throw new InvocationTargetException(failure.apply(e.getCause()));
            }
        });
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
