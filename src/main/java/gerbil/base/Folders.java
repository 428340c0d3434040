package gerbil.base;

import java.io.IOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/** Folders, which may be symbolic links and have links in them: what a link leads to counts as being where it is. */
public final class Folders {

    private Folders() {
    }

    /**
     * Makes a folder and those above it that are missing, and forces their names to the disk. Java's own way, before
     * 20, fails if it is a link to one.
     *
     * @return the folder
     * @throws GerbilException if it, or one above it, is a link that leads nowhere
     */
    public static Path create(Path folder) throws IOException {
        Path above = folder.toAbsolutePath();
        for (; above != null && !Files.exists(above); above = above.getParent()) {
            if (Files.isSymbolicLink(above)) {
                throw leadsNowhere(above);
            }
        }
        if (!Files.isDirectory(folder)) {
            Files.createDirectories(folder);
            for (Path made = folder.toAbsolutePath(); !made.equals(above); made = made.getParent()) {
                WholeFile.force(made.getParent());
            }
        }
        return folder;
    }

    /**
     * Where a folder is, or is to be, if its name is a link: what lies beside it there is on the same disk.
     *
     * @throws GerbilException if the link leads nowhere
     */
    public static Path real(Path folder) throws IOException {
        return Files.isSymbolicLink(folder) ? create(folder).toRealPath() : folder.toAbsolutePath();
    }

    /**
     * A file that may be read: one that is missing is told by who reads it.
     *
     * @param most bytes of it
     * @return the file
     * @throws GerbilException if it is larger, or a folder, a pipe or a device, whose reading may never end
     */
    public static Path requireFile(Path file, long most) throws IOException {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new GerbilException(file + ", which is " + (Files.isDirectory(file) ? "a folder"
                    : "a pipe or device"), "a file", "put the file itself there");
        }
        if (Files.exists(file) && Files.size(file) > most) {
            throw new GerbilException(file + " of " + Files.size(file) + " bytes", "a file of at most " + most,
                    "take the file that belongs there");
        }
        return file;
    }

    private static GerbilException leadsNowhere(Path link) throws IOException {
        return new GerbilException(link + ", a link to " + Files.readSymbolicLink(link) + ", where nothing is",
                "links to files and folders", "make what it leads to, or delete the link");
    }

    /**
     * The files in a folder and in those below it, in order; hidden ones and those in hidden folders are passed over.
     *
     * @return what is known of each; none if there is no such folder
     * @throws GerbilException if a link leads to a folder that it is in, or nowhere, or something cannot be read
     */
    public static Map<Path, BasicFileAttributes> files(Path folder) throws IOException {
        return files(folder, (file, e) -> {
            throw e;
        });
    }

    /**
     * As {@link #files(Path)}, but what that would refuse is passed over.
     *
     * @param passedOver told of it, and why
     */
    public static Map<Path, BasicFileAttributes> files(Path folder, BiConsumer<Path, GerbilException> passedOver)
            throws IOException {
        Map<Path, BasicFileAttributes> files = new TreeMap<>();
        SimpleFileVisitor<Path> visitor = new SimpleFileVisitor<>() {

            private boolean isHidden(Path path) {
                return !path.equals(folder) && path.getFileName().toString().startsWith(".");
            }

            @Override
            public FileVisitResult preVisitDirectory(Path inner, BasicFileAttributes attributes) {
                return isHidden(inner) ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (!isHidden(file) && attributes.isSymbolicLink()) {
                    passedOver.accept(file, leadsNowhere(file));
                }
                if (!isHidden(file) && attributes.isRegularFile()) {
                    files.put(file, attributes);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
                // what is not there was deleted meanwhile
                if (!isHidden(file) && !(e instanceof NoSuchFileException)) {
                    passedOver.accept(file, e instanceof FileSystemLoopException
                            ? new GerbilException(file + ", a link to a folder that it is in",
                            "links that lead elsewhere", "delete it, or link to the files that are wanted", e)
                            : GerbilException.ofFile(e));
                }
                return FileVisitResult.CONTINUE;
            }
        };
        if (Files.isDirectory(folder)) {
            Files.walkFileTree(folder, Set.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, visitor);
        }
        return files;
    }

    /**
     * Refuses a folder that is not new or empty.
     *
     * @throws GerbilException if the folder, or a file of its name, has content
     */
    public static void requireEmpty(Path folder) throws IOException {
        if (Files.isRegularFile(folder)) {
            throw new GerbilException("the file " + folder, "a new or an empty folder", "choose another name");
        }
        if (Files.isDirectory(folder)) {
            try (Stream<Path> content = Files.list(folder)) {
                if (content.findAny().isPresent()) {
                    throw new GerbilException(folder + " has content", "a new or an empty folder",
                            "delete it or choose another folder");
                }
            }
        }
    }
}
