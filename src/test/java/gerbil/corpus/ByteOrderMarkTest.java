package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.github.luben.zstd.ZstdOutputStream;
import gerbil.base.GerbilException;
import gerbil.base.Progress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;

/** What editors and shells on Windows write before a text, and instead of UTF-8. */
class ByteOrderMarkTest {

    private static final String MARK = "\uFEFF";

    @TempDir
    Path temp;

    private Path write(String name, String text, Charset encoding) throws IOException {
        Path file = temp.resolve(name);
        try (OutputStream plain = Files.newOutputStream(file);
             OutputStream out = name.endsWith(".gz") ? new GZIPOutputStream(plain)
                     : name.endsWith(".zst") ? new ZstdOutputStream(plain) : plain) {
            out.write(text.getBytes(encoding));
        }
        return file;
    }

    private static List<String> texts(Path file) {
        try (Stream<Document> documents = TextFolder.open(file).documents(0)) {
            return documents.map(Document::text).sorted().toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a.jsonl", "a.jsonl.gz", "a.jsonl.zst"})
    void aMarkIsNoPartOfALine(String name) throws IOException {
        String lines = "{\"text\": \"one\"}\r\n{\"text\": \"two\"}\r\n";
        assertEquals(List.of("one", "two"), texts(write(name, MARK + lines, StandardCharsets.UTF_8)));
        assertEquals(List.of("one", "two"), texts(write(name, MARK + "\r\n" + lines, StandardCharsets.UTF_8)));
        // as files that were put together have it
        assertEquals(List.of("one", "one", "two", "two"),
                texts(write(name, MARK + lines + MARK + lines, StandardCharsets.UTF_8)));
    }

    @Test
    void aMarkIsNoPartOfAText() throws IOException {
        assertEquals(List.of("Grüße"), texts(write("a.txt", MARK + "Grüße", StandardCharsets.UTF_8)));
        assertEquals(List.of("a" + MARK + "b"), texts(write("a.txt", "a" + MARK + "b", StandardCharsets.UTF_8)));
        assertEquals(List.of(), texts(write("a.txt", MARK, StandardCharsets.UTF_8)));
    }

    private Corpus open(Path list) {
        return Corpora.open(list.toString(), temp, Progress.NONE);
    }

    @Test
    void aMarkIsNoPartOfAnAddress() throws IOException {
        Path list = write("a.urls", MARK + "https://example.org/a.txt\r\n", StandardCharsets.UTF_8);
        String marked = open(list).identity();
        Files.writeString(list, "https://example.org/a.txt\n");
        assertEquals(open(list).identity(), marked);
        assertTrue(assertThrows(GerbilException.class, () -> open(
                write("c.urls", MARK + "https://example.org/a.txt", StandardCharsets.UTF_16LE))).getMessage()
                .contains("c.urls, which is UTF-16, not UTF-8"));
    }

    @ParameterizedTest
    @CsvSource({"UTF-16LE, UTF-16", "UTF-16BE, UTF-16", "UTF-32LE, UTF-32", "UTF-32BE, UTF-32"})
    void anotherEncodingIsToldAsThat(String encoding, String told) throws IOException {
        for (String name : List.of("a.txt", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst")) {
            Path file = write(name, MARK + "{\"text\": \"one\"}\n{\"text\": \"two\"}\n", Charset.forName(encoding));
            String message = assertThrows(GerbilException.class, () -> texts(file)).getMessage();
            assertTrue(message.contains(name + " is " + told + ", not UTF-8"), message);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"UTF-16LE", "UTF-16BE"})
    void withoutAMarkItIsGuessed(String encoding) throws IOException {
        for (String name : List.of("a.txt", "a.jsonl", "a.jsonl.gz", "a.jsonl.zst")) {
            Path file = write(name, "{\"text\": \"one\"}\n{\"text\": \"two\"}\n", Charset.forName(encoding));
            String message = assertThrows(GerbilException.class, () -> texts(file)).getMessage();
            assertTrue(message.contains("UTF-16"), message);
        }
    }
}
