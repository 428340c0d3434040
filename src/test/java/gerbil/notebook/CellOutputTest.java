package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class CellOutputTest {

    private final List<String> messages = new CopyOnWriteArrayList<>();
    private final CellOutput output = new CellOutput(new MessageThread());
    private final PrintStream out = printing("out");
    private final PrintStream err = printing("err");

    /** As a kernel's stream: a message at each flush. */
    private PrintStream printing(String name) {
        return new PrintStream(output.inPlaceOf(new ByteArrayOutputStream() {
            @Override
            public void flush() {
                messages.add(name + ": " + toString(StandardCharsets.UTF_8));
                reset();
            }
        }, () -> false), true, StandardCharsets.UTF_8);
    }

    @Test
    void allLinesArriveInFewMessages() {
        int lines = 50_000;
        IntStream.range(0, lines).forEach(i -> out.println("line " + i + " ä"));
        output.flush();
        assertEquals(IntStream.range(0, lines).mapToObj(i -> "line " + i + " ä\n").collect(Collectors.joining()),
                messages.stream().map(message -> message.substring(5)).collect(Collectors.joining()));
        assertTrue(messages.size() < 100, messages.size() + " messages");
    }

    @Test
    void whatIsTooMuchToShowIsLeftOutWithAWord() {
        String line = "x".repeat(1023);
        IntStream.range(0, 3_000).forEach(i -> out.println(line));
        output.startCell();
        out.println("next");
        output.flush();
        String all = messages.stream().map(message -> message.substring(5)).collect(Collectors.joining());
        assertEquals((line + "\n").repeat(1024) + "\n[A cell shows what it prints up to 1 MiB: the rest is left out. "
                + "Write it to a file to see all.]\nnext\n", all);
    }

    @Test
    void streamsKeepTheirOrder() {
        out.print("a");
        out.println("b");
        err.println("c");
        out.print("d");
        output.flush();
        assertEquals(List.of("out: ab\n", "err: c\n", "out: d"), messages);
    }

    @Test
    void whatIsPrintedInTheMiddleOfACellArrivesSoon() throws InterruptedException {
        out.println("first");
        while (messages.isEmpty()) {
            Thread.sleep(5);
        }
        assertEquals(List.of("out: first\n"), messages);
    }
}
