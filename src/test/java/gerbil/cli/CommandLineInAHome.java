package gerbil.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.IntStream;

/** The command line in a home folder of its own, in this process. */
abstract class CommandLineInAHome {

    @TempDir
    Path home;
    private final PrintStream out = System.out;
    private final PrintStream err = System.err;
    private String homeBefore;

    @BeforeEach
    void work() {
        homeBefore = System.getProperty("gerbil.home");
        System.setProperty("gerbil.home", home.toString());
    }

    @AfterEach
    void restore() {
        System.setOut(out);
        System.setErr(err);
        if (homeBefore == null) {
            System.clearProperty("gerbil.home");
        } else {
            System.setProperty("gerbil.home", homeBefore);
        }
    }

    record Outcome(int status, String out, String err) {
    }

    static Outcome gerbil(String... arguments) {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        ByteArrayOutputStream complained = new ByteArrayOutputStream();
        System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(complained, true, StandardCharsets.UTF_8));
        int status = Gerbil.run(arguments);
        return new Outcome(status, printed.toString(StandardCharsets.UTF_8),
                complained.toString(StandardCharsets.UTF_8));
    }

    static String done(String... arguments) {
        Outcome outcome = gerbil(arguments);
        assertEquals(0, outcome.status, outcome.err);
        return outcome.out;
    }

    Path texts() throws IOException {
        Path texts = Files.createDirectory(home.resolve("texts"));
        Files.write(texts.resolve("a.jsonl"), IntStream.range(0, 1_500)
                .mapToObj(i -> "{\"text\": \"On day " + i + " the gerbil ran " + i * 7 % 13 + " rounds.\"}")
                .toList());
        return texts;
    }
}
