package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

class FoldedErrorTest {

    private final GerbilException mendable =
            new GerbilException("an a", "a b", "write b", new IOException("no <b> there"));

    @Test
    void whatAReaderCanMendIsItsMessageAlone() {
        Throwable reported = FoldedError.of(new CompletionException(mendable));
        assertInstanceOf(GerbilException.class, reported);
        assertEquals("Found: an a. Expected: a b. To do: write b.", reported.getMessage());
        assertEquals(0, reported.getStackTrace().length);
        assertNull(reported.getCause());
    }

    @Test
    void otherErrorsStayAsTheyAre() {
        Throwable thrown = new IllegalStateException(new IOException());
        assertSame(thrown, FoldedError.of(thrown));
    }

    @Test
    void theFoldedTraceHasCausesAndIsSafe() {
        String html = (String) FoldedError.bundle(mendable).forms().get("text/html");
        assertTrue(html.startsWith("<details><summary>"), html);
        assertTrue(html.contains("at gerbil.notebook.FoldedErrorTest."), html);
        assertTrue(html.contains("Caused by: java.io.IOException: no &lt;b&gt; there"), html);
    }

    @Test
    void anInterruptedCellSaysItselfHowItEnded() throws Exception {
        CellExecutor cells = new CellExecutor(Executors.newCachedThreadPool(), thrown -> thrown);
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
        cells.shutdown();
    }

    @Test
    void aKernelsExecutorReportsWhatIsPutInThePlaceOfAFailure() throws Exception {
        ExecutorService kernels = Executors.newCachedThreadPool();
        CellExecutor cells = new CellExecutor(kernels, thrown -> new IOException("instead of " + thrown.getMessage()));
        assertEquals(3, cells.submit(() -> 3).get());
        Future<Object> failing = cells.submit(() -> {
            throw new InvocationTargetException(new IllegalStateException("this"));
        });
        Throwable reported = assertThrows(ExecutionException.class, failing::get).getCause();
        assertInstanceOf(InvocationTargetException.class, reported);
        assertEquals("instead of this", reported.getCause().getMessage());
        cells.shutdown();
        assertTrue(kernels.isShutdown());
    }
}
