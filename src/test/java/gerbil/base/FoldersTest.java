package gerbil.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

class FoldersTest {

    @TempDir
    Path temp;
    private Path folder;
    private Path link;

    @BeforeEach
    void link() throws IOException {
        folder = Files.createDirectory(temp.resolve("folder"));
        link = Files.createSymbolicLink(temp.resolve("link"), folder);
    }

    private static String refusal(Executable action) {
        return assertThrows(GerbilException.class, action).getMessage();
    }

    @Test
    void aLinkToAFolderIsOne() throws IOException {
        assertEquals(link, Folders.create(link));
        Folders.create(link.resolve("a/b"));
        assertTrue(Files.isDirectory(folder.resolve("a/b")));
        assertEquals(folder.toRealPath(), Folders.real(link));
        assertEquals(temp.resolve("none"), Folders.real(temp.resolve("none")));
    }

    @Test
    void linksThatLeadNowhereAreNamed() throws IOException {
        Files.delete(folder);
        String found = link + ", a link to " + folder + ", where nothing is";
        assertTrue(refusal(() -> Folders.create(link)).contains(found));
        assertTrue(refusal(() -> Folders.create(link.resolve("a/b"))).contains(found));
        assertTrue(refusal(() -> Folders.real(link)).contains(found));
        assertTrue(refusal(() -> Folders.files(temp)).contains(found));
    }

    @Test
    void filesAreWhereTheLinksAre() throws IOException {
        Path elsewhere = Files.createDirectories(temp.resolve("elsewhere/deep")).getParent();
        Files.writeString(elsewhere.resolve("deep/c"), "12");
        Files.createSymbolicLink(folder.resolve("b"), elsewhere);
        Files.createSymbolicLink(folder.resolve("a"), elsewhere.resolve("deep/c"));
        // hidden ones are not even looked at
        Files.createSymbolicLink(Files.createDirectory(folder.resolve(".hidden")).resolve("circle"), folder);
        Files.createSymbolicLink(folder.resolve(".nowhere"), temp.resolve("none"));
        assertEquals(List.of(link.resolve("a"), link.resolve("b/deep/c")),
                List.copyOf(Folders.files(link).keySet()));
        assertEquals(2, Folders.files(link).get(link.resolve("a")).size());
        assertEquals(0, Folders.files(temp.resolve("none")).size());
    }

    @Test
    void circlesAreNamed() throws IOException {
        Files.createSymbolicLink(Files.createDirectory(folder.resolve("sub")).resolve("up"), folder);
        assertTrue(refusal(() -> Folders.files(folder)).contains(folder.resolve("sub/up")
                + ", a link to a folder that it is in"));
        Files.writeString(folder.resolve("there"), "");
        List<Path> passedOver = new ArrayList<>();
        assertEquals(Set.of(folder.resolve("there")),
                Folders.files(folder, (file, e) -> passedOver.add(file)).keySet());
        assertEquals(List.of(folder.resolve("sub/up")), passedOver);
        Path one = temp.resolve("one");
        Files.createSymbolicLink(one, Files.createSymbolicLink(temp.resolve("two"), one));
        assertTrue(refusal(() -> Folders.create(one)).contains(one + ", a link to "));
    }
}
