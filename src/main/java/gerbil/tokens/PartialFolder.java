package gerbil.tokens;

import gerbil.base.GerbilException;
import gerbil.base.ProcessLock;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * A folder that comes into being whole or not at all: its files are written to {@code <name>.partial} and get their final
 * place in one rename. What an earlier, stopped process left behind is deleted, or kept to go on from; a lock on
 * {@code <name>.lock}, which the system drops with its process, tells this from a folder that is being written.
 */
final class PartialFolder implements AutoCloseable {

    private final Path folder;
    private final Path partial;
    private final Path content;
    private final boolean resumable;
    private final Path lockFile;
    private final ProcessLock lock;
    private boolean open = true;

    /**
     * @throws GerbilException if the final folder has content, or another process is writing it
     */
    PartialFolder(Path folder) throws IOException {
        this(folder, false);
    }

    /** One whose files stay when it is closed before it is whole. What is beside {@link #content()} is not kept then. */
    static PartialFolder resumable(Path folder) throws IOException {
        return new PartialFolder(folder, true);
    }

    private PartialFolder(Path folder, boolean resumable) throws IOException {
        this.folder = folder.toAbsolutePath();
        this.resumable = resumable;
        this.partial = sibling(".partial");
        this.content = resumable ? partial.resolve("content") : partial;
        this.lockFile = sibling(".lock");
        Files.createDirectories(this.folder.getParent());
        lock = ProcessLock.take(lockFile, "").orElseThrow(() -> new GerbilException(folder + " is being written by "
                + "another job", "one writer at a time", "wait for it to finish, then run this again"));
        try {
            requireEmpty();
            if (!resumable) {
                deleteAll(partial);
            }
            Files.createDirectories(content);
        } catch (IOException | GerbilException e) {
            releaseLock();
            throw e;
        }
    }

    private Path sibling(String suffix) {
        return folder.resolveSibling(folder.getFileName() + suffix);
    }

    private void requireEmpty() throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> content = Files.list(folder)) {
                if (content.findAny().isPresent()) {
                    throw new GerbilException(folder + " has content", "a new or an empty folder",
                            "delete it or choose another folder");
                }
            }
        }
    }

    /** Where to write what stays. */
    Path content() {
        return content;
    }

    /** Where to write what is needed until then, in a resumable folder. */
    Path work() {
        return partial;
    }

    /** Deletes all that was written. */
    void clear() throws IOException {
        deleteAll(partial);
        Files.createDirectories(content);
    }

    /** Gives the folder its final name. */
    void commit() throws IOException {
        Files.deleteIfExists(folder);
        Files.move(content, folder, StandardCopyOption.ATOMIC_MOVE);
        deleteAll(partial);
        releaseLock();
    }

    /** Deletes what was not committed, unless it is resumable. */
    @Override
    public void close() {
        try {
            if (open) {
                if (!resumable) {
                    deleteAll(partial);
                }
                releaseLock();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void releaseLock() throws IOException {
        open = false;
        Files.deleteIfExists(lockFile);
        lock.close();
    }

    private static void deleteAll(Path root) throws IOException {
        try (Stream<Path> walk = Files.walk(root)) {
            for (Path path : (Iterable<Path>) walk.sorted(Comparator.reverseOrder())::iterator) {
                Files.delete(path);
            }
        } catch (NoSuchFileException e) {
            // nothing was left behind
        }
    }
}
