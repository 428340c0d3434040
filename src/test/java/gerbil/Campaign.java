package gerbil;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What {@code environment/torture} asks of the tests that it runs, and what they say of what they did. Without it each
 * of them is a short form of itself.
 */
public final class Campaign {

    /** Of everything that is drawn at random. */
    public static final long SEED = Long.getLong("torture.seed", 18);
    private static final String REPORT = "torture.report";

    private Campaign() {
    }

    /** How many of something, and how many in the short form. */
    public static int many(String what, int few) {
        return Integer.getInteger("torture." + what, few);
    }

    /** Adds a row to the campaign's table. */
    public static void report(String what, String figures) throws IOException {
        String row = "| " + what + " | " + figures + " |\n";
        System.err.print(row);
        if (System.getProperty(REPORT) != null) {
            Files.writeString(Path.of(System.getProperty(REPORT)), row, StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND);
        }
    }
}
