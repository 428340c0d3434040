package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.concurrent.CompletionException;

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
}
