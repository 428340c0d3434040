package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

class TextFolderTest {

    @TempDir
    Path folder;

    private List<Document> read(long seed) {
        try (Stream<Document> documents = TextFolder.open(folder).documents(seed)) {
            return documents.toList();
        }
    }

    private static String refusal(Executable action) {
        return assertThrows(GerbilException.class, action).getMessage();
    }

    @Test
    void readsTextFilesAndJsonLines() throws IOException {
        Files.createDirectory(folder.resolve("sub"));
        Files.writeString(folder.resolve("sub/a.txt"), "Grüße\n");
        Files.writeString(folder.resolve("b.jsonl"),
                "{\"text\": \"eins\"}\r\n\n  \n{\"id\": 7, \"text\": \"zw\\u00f6lf\\n\"}");
        Files.writeString(folder.resolve("empty.txt"), "");
        Files.writeString(folder.resolve(".hidden"), "no");
        Map<String, String> texts = read(1).stream().collect(Collectors.toMap(Document::id, Document::text));
        assertEquals(Map.of("sub/a.txt", "Grüße\n", "b.jsonl@0", "eins", "b.jsonl@22", "zwölf\n"), texts);
    }

    @Test
    void orderFollowsTheSeedAndTheIdsAlone() throws IOException {
        Files.write(folder.resolve("a.jsonl"),
                IntStream.range(0, 200).mapToObj(i -> "{\"text\": \"" + i + "\"}").toList());
        assertEquals(read(1), read(1));
        assertNotEquals(read(1), read(2));

        List<Document> before = read(1);
        Files.writeString(folder.resolve("z.txt"), "a newcomer moves nobody else");
        assertEquals(before, read(1).stream().filter(d -> d.source().equals("a.jsonl")).toList());
        assertEquals(List.of("a.jsonl@70", "a.jsonl@1874", "a.jsonl@1235"),
                before.stream().limit(3).map(Document::id).toList(), "the order is part of the format");
    }

    @Test
    void refusesAFolderWithoutDocuments() throws IOException {
        Files.writeString(folder.resolve("empty.txt"), "");
        assertTrue(refusal(() -> TextFolder.open(folder)).contains("a corpus with no documents in " + folder));
        assertTrue(refusal(() -> TextFolder.open(folder.resolve("none"))).contains("no folder"));
    }

    /** What is linked counts as what lies there: documents, their ids, their order and the hash. */
    @Test
    void linksAreFollowed(@TempDir Path elsewhere) throws IOException {
        for (Path top : List.of(folder, elsewhere)) {
            Files.createDirectories(top.resolve("texts/sub"));
            Files.writeString(top.resolve("texts/a.jsonl"), "{\"text\": \"one\"}\n{\"text\": \"two\"}\n");
            Files.writeString(top.resolve("texts/sub/b.txt"), "three");
        }
        Corpus plain = TextFolder.open(folder.resolve("texts"));
        Path links = Files.createDirectory(folder.resolve("links"));
        Path corpus = Files.createSymbolicLink(links.resolve("texts"),
                Files.createDirectory(elsewhere.resolve("of links")));
        Files.createSymbolicLink(corpus.resolve("a.jsonl"), elsewhere.resolve("texts/a.jsonl"));
        Files.createSymbolicLink(corpus.resolve("sub"), Path.of("../texts/sub"));
        Corpus linked = TextFolder.open(corpus);
        try (Stream<Document> expected = plain.documents(3); Stream<Document> found = linked.documents(3)) {
            assertEquals(expected.toList(), found.toList());
        }
        assertEquals(plain.provenance(), linked.provenance());

        Path file = Files.createSymbolicLink(links.resolve("c.txt"), elsewhere.resolve("texts/sub/b.txt"));
        assertEquals("c.txt", TextFolder.open(file).name());
        Files.createSymbolicLink(corpus.resolve("sub/up"), elsewhere);
        assertTrue(refusal(() -> TextFolder.open(corpus)).contains("a link to a folder that it is in"));
    }

    @Test
    void namesTheFileAndLineThatIsBad() throws IOException {
        Path file = folder.resolve("a.jsonl");
        Files.writeString(file, "{\"text\": \"good\"}\n{\"text\": ");
        assertTrue(refusal(() -> read(1)).contains("a.jsonl:2 is not JSON"));
        Files.writeString(file, "{\"text\": \"good\"}\n\n{\"txet\": \"x\"}\n");
        assertTrue(refusal(() -> read(1)).contains("a.jsonl:3 has no text"));
        Files.write(file, new byte[] {'{', (byte) 0xFC, '}'});
        assertTrue(refusal(() -> read(1)).contains("a.jsonl:1 is not UTF-8"));
    }

    @Test
    void provenanceFollowsTheContent() throws IOException {
        Files.writeString(folder.resolve("a.txt"), "one");
        Provenance one = TextFolder.open(folder).provenance();
        assertEquals(List.of(new Provenance.SourceFile("a.txt", 3,
                "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed", "not stated")), one.files());
        assertEquals(one.hash(), TextFolder.open(folder).provenance().hash());
        Files.writeString(folder.resolve("a.txt"), "two");
        assertNotEquals(one.hash(), TextFolder.open(folder).provenance().hash());
    }
}
