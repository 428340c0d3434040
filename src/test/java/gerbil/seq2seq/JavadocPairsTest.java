package gerbil.seq2seq;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.corpus.Document;
import gerbil.corpus.HeldOut;
import gerbil.corpus.TextFolder;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

class JavadocPairsTest {

    @Test
    void findsMethodsAndConstructorsInOneLine() {
        List<String[]> found = JavadocPairs.find("""
                /** A class. */
                public final class A {
                    /** A field. */
                    private int a = of(1);
                    /***************** A banner. */
                    void banner() {
                    }
                    /**
                     * Returns the length,
                     * in bytes.
                     *
                     * @param of what
                     */
                    @Override
                    @SuppressWarnings({"a", "b"}) @Named(value = of(1))
                    public <T extends Comparable<T>> long length(List<T> of,
                            int[] more) throws IOException {
                        return 0; /* no javadoc */
                    }
                    /** Makes one. */
                    A();
                    /***/
                    void empty();
                    /** Never ends
                """);
        assertEquals(2, found.size());
        assertArrayEquals(new String[] {"Returns the length, in bytes. @param of what",
            "public <T extends Comparable<T>> long length(List<T> of, int[] more) throws IOException"}, found.get(0));
        assertArrayEquals(new String[] {"Makes one.", "A()"}, found.get(1));
    }

    @Test
    void pairsOfAFileAreOnOneSideAndNoCommentIsThereTwice(@TempDir Path folder) throws IOException {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.cut(1_024));
        Set<String> heldOut = new HashSet<>();
        for (int file = 0; file < 300; file++) {
            String text = "/** Returns " + file + ". */\nint get" + file + "();\n/** The same. */\nint same();\n"
                    + "/** " + "long ".repeat(40) + "*/\nvoid longer" + file + "();\n";
            Files.writeString(folder.resolve("A" + file + ".java"), text);
            if (HeldOut.contains(new Document("any", "any", text))) {
                heldOut.add("int get" + file + "()");
            }
        }
        Files.writeString(folder.resolve("other.txt"), "/** Not Java. */ void f();");
        JavadocPairs pairs = JavadocPairs.of(TextFolder.open(folder), tokenizer, 20, 20);
        Set<String> found = new HashSet<>(pairs.heldOut().stream().map(p -> tokenizer.decode(p.target())).toList());
        found.remove("int same()");
        assertTrue(!heldOut.isEmpty() && heldOut.size() < 20, heldOut.toString());
        assertEquals(heldOut, found);
        assertEquals(301, pairs.train().size() + pairs.heldOut().size());
        assertEquals(299 + 299, pairs.duplicates());
        assertEquals(1, pairs.tooLong());
        int[] lengths = pairs.heldOut().stream().mapToInt(p -> p.source().length).toArray();
        assertTrue(IntStream.range(1, lengths.length).allMatch(i -> lengths[i - 1] <= lengths[i]));
        assertTrue(Stream.of(pairs.train(), pairs.heldOut()).flatMap(List::stream)
                .allMatch(p -> p.source().length <= 20 && p.target().length <= 20));
    }
}
