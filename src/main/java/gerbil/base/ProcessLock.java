package gerbil.base;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A lock that one user within one process holds on a file, which names that process. The operating system frees it
 * however the process ends; the file stays.
 */
public final class ProcessLock implements AutoCloseable {

    private static final int TRIES = 20;
    private static final long MILLISECONDS_BETWEEN = 25;
    private static final int LONGEST_NOTE = 1_000;

    /**
     * The files locked by this process. They must not be opened a second time: on POSIX systems closing any handle of a
     * file frees all locks that the process has on it.
     */
    private static final Map<Path, Holder> OWN = new HashMap<>();

    private final Path file;
    /** Not a channel, which an interrupt would close. */
    private final RandomAccessFile open;
    private final Object key;

    private ProcessLock(Path file, RandomAccessFile open, Object key) {
        this.file = file;
        this.open = open;
        this.key = key;
    }

    /**
     * Who holds a lock.
     *
     * @param process id; 0 if the file names none: it was overwritten, or the holder has not written it yet
     * @param note of the holder's
     */
    public record Holder(long process, String note) {
    }

    /**
     * Takes the lock, if nobody holds it.
     *
     * @param file made if it is missing, in a folder that exists
     * @param note one line for those who ask for the holder
     */
    public static Optional<ProcessLock> take(Path file, String note) throws IOException {
        Path real = real(file);
        synchronized (OWN) {
            if (OWN.containsKey(real)) {
                return Optional.empty();
            }
            // again and again for half a second: who only asks for the holder has the lock for a moment
            for (int i = 0; i < TRIES; i++) {
                Optional<ProcessLock> taken = tryOnce(real, note);
                if (taken.isPresent()) {
                    return taken;
                }
                try {
                    Thread.sleep(MILLISECONDS_BETWEEN);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return Optional.empty();
                }
            }
            return Optional.empty();
        }
    }

    private static Optional<ProcessLock> tryOnce(Path file, String note) throws IOException {
        Object before = key(file);
        RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw");
        try {
            Object key = before == null ? key(file) : before;
            // the file may be one that its last holder has deleted meanwhile
            if (open.getChannel().tryLock() != null && key != null && key.equals(key(file))) {
                Holder own = new Holder(ProcessHandle.current().pid(), note);
                open.setLength(0);
                open.writeBytes(own.process() + "\n" + note + "\n");
                OWN.put(file, own);
                return Optional.of(new ProcessLock(file, open, key));
            }
            return Optional.empty();
        } finally {
            if (!OWN.containsKey(file)) {
                open.close();
            }
        }
    }

    /** What tells a file from another of its name; null if there is none. */
    private static Object key(Path file) throws IOException {
        return Files.exists(file) ? Files.readAttributes(file, BasicFileAttributes.class).fileKey() : null;
    }

    /** Whether others still find the lock held: its file may have been deleted, or replaced by another one. */
    public boolean isHeld() throws IOException {
        return Objects.equals(key, key(file));
    }

    /** Who holds the lock now, if anybody does. */
    public static Optional<Holder> holder(Path file) throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        Path real = real(file);
        synchronized (OWN) {
            if (OWN.containsKey(real)) {
                return Optional.of(OWN.get(real));
            }
            try (FileChannel channel = FileChannel.open(real, StandardOpenOption.READ);
                 FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true)) {
                return lock == null ? Optional.of(read(real)) : Optional.empty();
            }
        }
    }

    private static Holder read(Path file) throws IOException {
        List<String> lines;
        try (InputStream in = Files.newInputStream(file)) {
            lines = new String(in.readNBytes(LONGEST_NOTE), StandardCharsets.ISO_8859_1).lines().toList();
        }
        return lines.size() < 2 || !lines.get(0).matches("\\d{1,18}") ? new Holder(0, "")
                : new Holder(Long.parseLong(lines.get(0)), lines.get(1));
    }

    private static Path real(Path file) throws IOException {
        return file.toAbsolutePath().getParent().toRealPath().resolve(file.getFileName());
    }

    @Override
    public void close() throws IOException {
        synchronized (OWN) {
            OWN.remove(file);
            open.close();
        }
    }
}
