package gerbil.tokens;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.ProcessLock;
import gerbil.base.WholeFile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A folder that comes into being whole or not at all: its files are written under {@code <name>.partial} and get their
 * final place in one rename. What an earlier, stopped process left behind stays to be gone on with; a lock on
 * {@code <name>.lock}, which the system drops with its process, tells this from a folder that is being written.
 */
final class PartialFolder implements AutoCloseable {

    private final Path folder;
    private final Path partial;
    private final Path content;
    private final Path lockFile;
    private final ProcessLock lock;

    /**
     * @throws GerbilException if the final folder has content, or another process is writing it
     */
    PartialFolder(Path folder) throws IOException {
        this.folder = Folders.real(folder);
        this.partial = partial(folder);
        this.content = partial.resolve("content");
        this.lockFile = lockFile(this.folder);
        Folders.create(this.folder.getParent());
        lock = ProcessLock.take(lockFile, "").orElseThrow(() -> new GerbilException(folder + " is being written by "
                + "another job", "one writer at a time", "wait for it to finish, then run this again"));
        try {
            Folders.requireEmpty(this.folder);
            Folders.create(content);
        } catch (IOException | GerbilException e) {
            close();
            throw e;
        }
    }

    /** Where all that a folder is made of is written until it is whole. */
    static Path partial(Path folder) throws IOException {
        Path real = Folders.real(folder);
        return real.resolveSibling(real.getFileName() + ".partial");
    }

    private static Path lockFile(Path real) {
        return real.resolveSibling(real.getFileName() + ".lock");
    }

    /** Deletes what a process left that was killed after it had given the folder its name. */
    static void deleteRest(Path folder) throws IOException {
        Path partial = partial(folder);
        Path lockFile = lockFile(Folders.real(folder));
        if (Files.isWritable(partial)) {
            try (ProcessLock lock = ProcessLock.take(lockFile, "").orElse(null)) {
                if (lock != null) {
                    WholeFile.delete(partial);
                    Files.deleteIfExists(lockFile);
                }
            }
        }
    }

    /** Where to write what stays. */
    Path content() {
        return content;
    }

    /** Where to write what is needed until then. */
    Path work() {
        return partial;
    }

    /** Deletes all that was written. */
    void clear() throws IOException {
        WholeFile.delete(partial);
        Folders.create(content);
    }

    /** Gives the folder its final name. */
    void commit() throws IOException {
        WholeFile.rename(content, folder);
        WholeFile.delete(partial);
    }

    /** What was not committed stays. */
    @Override
    public void close() throws IOException {
        Files.deleteIfExists(lockFile);
        lock.close();
    }
}
