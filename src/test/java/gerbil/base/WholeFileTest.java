package gerbil.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

class WholeFileTest {

    @TempDir
    private Path home;

    private List<Path> names() throws IOException {
        try (Stream<Path> all = Files.walk(home)) {
            return all.filter(one -> !one.equals(home)).map(home::relativize).sorted().toList();
        }
    }

    @Test
    void aFailureLeavesTheFileAsItWasAndNothingElse() throws IOException {
        Path file = home.resolve("file");
        WholeFile.write(file, "before");
        IOException thrown = assertThrows(IOException.class, () -> WholeFile.write(file, temporary -> {
            Files.writeString(temporary, "half");
            throw new IOException("no space");
        }));
        assertEquals("no space", thrown.getMessage());
        assertEquals("before", Files.readString(file));
        assertEquals(List.of(Path.of("file")), names());
    }

    @Test
    void aFolderTakesItsNameWhole() throws IOException {
        Path folder = Files.createDirectory(home.resolve("folder"));
        Path temporary = Files.createDirectory(home.resolve("next"));
        Files.writeString(temporary.resolve("left by a killed process"), "");
        WholeFile.Content content = next -> {
            Files.createDirectories(next.resolve("inner"));
            Files.writeString(next.resolve("inner/file"), "text");
            assertEquals(List.of(), List.of(folder.toFile().list()));
        };
        WholeFile.write(temporary, folder, content);
        assertEquals(List.of(Path.of("folder"), Path.of("folder/inner"), Path.of("folder/inner/file")), names());
        assertThrows(IOException.class, () -> WholeFile.write(temporary, folder, next -> {
            Files.createDirectories(next);
            throw new IOException();
        }));
        assertEquals(List.of(Path.of("folder"), Path.of("folder/inner"), Path.of("folder/inner/file")), names());
    }
}
