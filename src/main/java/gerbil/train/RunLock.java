package gerbil.train;

import gerbil.base.GerbilException;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashSet;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Held by the one process, and the one thread of it, that trains in a run directory: a lock on the file {@code lock},
 * which says the process's id and, in its second line, the class that was started. The operating system frees it however the process ends.
 */
final class RunLock implements AutoCloseable {

    static final String NAME = "lock";
    private static final int TRIES = 20;
    private static final long MILLISECONDS_BETWEEN = 25;

    /**
     * The folders locked by this process. Their lock files must not be opened a second time: on POSIX systems closing
     * any handle of a file frees all locks that the process has on it.
     */
    private static final Set<Path> OWN = new HashSet<>();

    private final Path folder;
    /** Not a channel, which an interrupt would close. */
    private final RandomAccessFile file;

    private RunLock(Path folder, RandomAccessFile file) {
        this.folder = folder;
        this.file = file;
    }

    /**
     * Locks a run directory, which is made if it is missing.
     *
     * @throws GerbilException if a process, or another thread of this one, trains there
     */
    static RunLock take(Path folder) throws IOException {
        Path real = Files.createDirectories(folder).toRealPath();
        synchronized (OWN) {
            if (OWN.contains(real)) {
                throw held(folder, ProcessHandle.current().pid());
            }
            RandomAccessFile file = new RandomAccessFile(real.resolve(NAME).toFile(), "rw");
            try {
                if (lock(file.getChannel())) {
                    file.setLength(0);
                    file.writeBytes(ProcessHandle.current().pid() + "\n" + program() + "\n");
                    OWN.add(real);
                    return new RunLock(real, file);
                }
                throw held(folder, pid(real).orElse(0));
            } catch (IOException | RuntimeException e) {
                file.close();
                throw e;
            }
        }
    }

    /** Again and again for half a second: who only asks for the holder has the lock for a moment. */
    private static boolean lock(FileChannel channel) throws IOException {
        for (int i = 0; i < TRIES; i++) {
            if (channel.tryLock() != null) {
                return true;
            }
            try {
                Thread.sleep(MILLISECONDS_BETWEEN);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return false;
    }

    private static GerbilException held(Path folder, long pid) {
        return new GerbilException("a run in " + folder + " that process " + pid + " is training",
                "a run that nobody trains", "watch it (environment/gerbil watch), or stop it first (environment/gerbil "
                + "stop, or an interrupt of the notebook's cell)");
    }

    /**
     * @throws GerbilException as {@link #take}
     */
    static void requireFree(Path folder) throws IOException {
        OptionalLong holder = holder(folder);
        if (holder.isPresent()) {
            throw held(folder, holder.getAsLong());
        }
    }

    /** The id of the process that trains in a run directory now, if there is one. */
    static OptionalLong holder(Path folder) throws IOException {
        if (!Files.exists(folder.resolve(NAME))) {
            return OptionalLong.empty();
        }
        Path real = folder.toRealPath();
        synchronized (OWN) {
            if (OWN.contains(real)) {
                return OptionalLong.of(ProcessHandle.current().pid());
            }
            try (FileChannel channel = FileChannel.open(real.resolve(NAME), StandardOpenOption.READ);
                 FileLock lock = channel.tryLock(0, Long.MAX_VALUE, true)) {
                return lock == null ? pid(real) : OptionalLong.empty();
            }
        }
    }

    private static String program() {
        return System.getProperty("sun.java.command", "").split(" ")[0];
    }

    /** Whether the process that trains in a run directory was started as a class. */
    static boolean heldBy(String program, Path folder) throws IOException {
        Path real = folder.toRealPath();
        synchronized (OWN) {
            return program.equals(OWN.contains(real) ? program() : line(real, 1));
        }
    }

    /** What the file says; 0 in the moment before its holder has written it. */
    private static OptionalLong pid(Path folder) throws IOException {
        String pid = line(folder, 0);
        return OptionalLong.of(pid.isEmpty() ? 0 : Long.parseLong(pid));
    }

    private static String line(Path folder, int number) throws IOException {
        return Files.readString(folder.resolve(NAME)).lines().skip(number).findFirst().orElse("");
    }

    @Override
    public void close() throws IOException {
        synchronized (OWN) {
            file.close();
            OWN.remove(folder);
        }
    }
}
