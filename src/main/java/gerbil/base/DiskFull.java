package gerbil.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Tells a full disk from other failures to write; Java has only the system's message for it. */
public final class DiskFull {

    private DiskFull() {
    }

    /**
     * What to throw for a failure to write.
     *
     * @param folder on the disk that was written to
     * @param written what it could still take: "3.1 MB of tokens"
     * @param needed what it should have room for: "about 60.0 MB"
     */
    public static RuntimeException explain(IOException e, Path folder, String written, String needed) {
        String message = String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT);
        if (!message.contains("no space left") && !message.contains("not enough space") && !message.contains("quota")) {
            return new UncheckedIOException(e);
        }
        return new GerbilException("no space left on the disk of " + folder + " after " + written + " (" + free(folder)
                + " free)", "room for " + needed, "free some space or choose a folder on another disk", e);
    }

    /** "2.0 MB". */
    public static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MB", bytes / 1e6);
    }

    private static String free(Path folder) {
        try {
            return megabytes(Files.getFileStore(folder).getUsableSpace());
        } catch (IOException e) {
            return "an unknown amount";
        }
    }
}
