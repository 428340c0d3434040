package gerbil.base;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.stream.Stream;

/**
 * Files and folders that are whole or not there: their content goes to a temporary neighbour, is forced to the disk,
 * and then takes their name in one step. However the process ends, and if the power fails, the name means either what
 * it meant before or all of what is new.
 */
public final class WholeFile {

    private WholeFile() {
    }

    /** What is to be in a file or folder. */
    @FunctionalInterface
    public interface Content {

        /**
         * Writes it all.
         *
         * @param temporary the file or folder to make; nothing is there
         */
        void writeTo(Path temporary) throws IOException;
    }

    /**
     * Writes a text in UTF-8.
     *
     * @throws IOException if the disk is full or not writable; then the file is as it was
     */
    public static void write(Path file, String text) throws IOException {
        write(file, temporary -> Files.writeString(temporary, text));
    }

    /**
     * Writes to {@code <name>.tmp}, then renames.
     *
     * @throws IOException as {@code content} does; then the file is as it was
     */
    public static void write(Path file, Content content) throws IOException {
        write(file.resolveSibling(file.getFileName() + ".tmp"), file, content);
    }

    /**
     * Writes under a name of the caller's, then renames. What is in a folder is forced to the disk by its writers.
     *
     * @param temporary beside the target; what a killed process left there is deleted
     * @param target replaced if it is a file or an empty folder
     * @throws IOException as {@code content} does; then the target is as it was
     */
    public static void write(Path temporary, Path target, Content content) throws IOException {
        delete(temporary);
        try {
            content.writeTo(temporary);
            rename(temporary, target);
        } finally {
            delete(temporary);
        }
    }

    /**
     * The last steps alone, for writers that keep what they have when they fail.
     *
     * @param temporary written whole, beside the target
     * @param target replaced if it is a file or an empty folder
     */
    public static void rename(Path temporary, Path target) throws IOException {
        force(temporary);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        force(target.toAbsolutePath().getParent());
    }

    /**
     * Waits until a file's content, or the names in a folder, are on the disk, whatever interrupts it: a trainer is
     * asked for a checkpoint by an interrupt, which closes channels.
     */
    static void force(Path path) throws IOException {
        boolean interrupted = false;
        try {
            while (true) {
                try (FileChannel channel = FileChannel.open(path)) {
                    channel.force(true);
                    return;
                } catch (ClosedByInterruptException e) {
                    interrupted = Thread.interrupted();
                } catch (IOException e) {
                    // some file systems of networks and virtual machines cannot force folders
                    if (!Files.isDirectory(path)) {
                        throw e;
                    }
                    return;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Deletes a file, or a folder with all that is in it, if it is there. */
    public static void delete(Path path) throws IOException {
        if (Files.exists(path)) {
            try (Stream<Path> content = Files.walk(path)) {
                for (Path one : content.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(one);
                }
            }
        }
    }
}
