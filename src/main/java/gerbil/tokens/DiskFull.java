package gerbil.tokens;

import gerbil.spec.GerbilException;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Tells a full disk from other failures to write; Java has only the system's message for it. */
final class DiskFull {

    private DiskFull() {
    }

    /** What to throw for a failure to write in a folder, after {@code written} bytes of about {@code needed}. */
    static RuntimeException explain(IOException e, Path folder, long written, long needed) {
        String message = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        if (!message.contains("no space left") && !message.contains("not enough space") && !message.contains("quota")) {
            return new UncheckedIOException(e);
        }
        return new GerbilException(
                String.format(Locale.ROOT, "no space left on the disk of %s after %.1f MB of tokens (%.1f MB free)",
                        folder, written / 1e6, free(folder) / 1e6),
                needed > 0 ? String.format(Locale.ROOT, "room for about %.1f MB", needed / 1e6)
                        : "room for 2 bytes a token",
                "free some space or choose a folder on another disk", e);
    }

    private static long free(Path folder) {
        try {
            return Files.getFileStore(folder).getUsableSpace();
        } catch (IOException e) {
            return 0;
        }
    }
}
