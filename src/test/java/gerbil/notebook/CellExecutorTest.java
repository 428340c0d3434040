package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

class CellExecutorTest {

    private final List<String> seen = new CopyOnWriteArrayList<>();
    private final ExecutorService kernels = Executors.newCachedThreadPool();
    private final CellExecutor cells = new CellExecutor(kernels, new CellExecutor.Attendant() {
        @Override
        public void begins() {
            seen.add("begins");
        }

        @Override
        public Throwable reported(Throwable thrown) {
            return new IOException("instead of " + thrown.getMessage());
        }

        @Override
        public void ends() {
            seen.add("ends");
        }

        @Override
        public void failed() {
            seen.add("failed in " + Thread.currentThread().getName());
        }
    });

    @AfterEach
    void shutDown() {
        cells.shutdown();
        assertTrue(kernels.isShutdown());
    }

    @Test
    void anInterruptedCellSaysItselfHowItEnded() throws Exception {
        CountDownLatch running = new CountDownLatch(1);
        Future<Object> training = cells.submit(() -> {
            running.countDown();
            try {
                Thread.sleep(60_000);
                return "finished";
            } catch (InterruptedException e) {
                return "a checkpoint was written";
            }
        });
        running.await();
        assertTrue(training.cancel(true));
        assertEquals("a checkpoint was written", training.get());
    }

    @Test
    void aFailureIsReplacedAndToldBeforeTheKernelHearsOfIt() throws Exception {
        assertEquals(3, cells.submit(() -> 3).get());
        assertEquals(List.of("begins", "ends"), seen);
        Future<Object> failing = cells.submit(() -> {
            throw new InvocationTargetException(new IllegalStateException("this"));
        });
        Throwable reported = assertThrows(ExecutionException.class, failing::get).getCause();
        assertInstanceOf(InvocationTargetException.class, reported);
        assertEquals("instead of this", reported.getCause().getMessage());
        assertEquals(List.of("begins", "ends", "begins", "ends", "failed in " + Thread.currentThread().getName()),
                seen);
    }

    @Test
    void aLoopThatPrintsEndsWhenItIsInterrupted() throws Exception {
        PrintStream out = new PrintStream(new CellOutput(new MessageThread())
                .inPlaceOf(OutputStream.nullOutputStream(), CellExecutor::isInterrupted), true);
        CountDownLatch running = new CountDownLatch(1);
        Future<Object> printing = cells.submit(() -> {
            try {
                while (true) {
                    out.println("and on");
                    running.countDown();
                }
            } catch (CellInterrupted e) {
                return "ended";
            }
        });
        running.await();
        assertTrue(printing.cancel(true));
        assertEquals("ended", printing.get());
        assertFalse(cells.submit(CellExecutor::isInterrupted).get());
    }
}
