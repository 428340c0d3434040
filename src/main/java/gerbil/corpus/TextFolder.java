package gerbil.corpus;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.spec.GerbilException;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * A folder of the reader's own: each file with all its subfolders' is one document, in UTF-8, except a {@code .jsonl}
 * file, each line of which is a JSON object whose field {@code text} is one document. Hidden files, empty files and
 * blank lines are passed over.
 */
public final class TextFolder implements Corpus {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path folder;
    private final Provenance provenance;
    private final List<Extent> extents;

    /** Where in which file a document stands; line 0 is the whole file. */
    private record Extent(String file, int line, long offset, int bytes) {

        String id() {
            return line == 0 ? file : file + ":" + line;
        }
    }

    private TextFolder(Path folder, Provenance provenance, List<Extent> extents) {
        this.folder = folder;
        this.provenance = provenance;
        this.extents = extents;
    }

    /**
     * @throws GerbilException if the folder does not exist or has no documents
     */
    public static TextFolder open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new GerbilException("no folder " + folder, "a folder of text or .jsonl files", "check its name");
        }
        List<Provenance.SourceFile> files = new ArrayList<>();
        List<Extent> extents = new ArrayList<>();
        try (Stream<Path> walk = Files.walk(folder)) {
            for (Path file : (Iterable<Path>) walk.filter(f -> isVisibleFile(folder, f)).sorted()::iterator) {
                String name = StreamSupport.stream(folder.relativize(file).spliterator(), false)
                        .map(Path::toString).reduce((a, b) -> a + "/" + b).orElseThrow();
                files.add(new Provenance.SourceFile(name, Files.size(file), Sha256.hex(file), "not stated"));
                extents.addAll(extents(file, name));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (extents.isEmpty()) {
            throw new GerbilException("a corpus with no documents in " + folder,
                    "text files, or .jsonl files with lines", "put texts into this folder");
        }
        return new TextFolder(folder, new Provenance(folder.toAbsolutePath().normalize().getFileName().toString(),
                files), extents);
    }

    private static boolean isVisibleFile(Path folder, Path file) {
        return Files.isRegularFile(file) && StreamSupport.stream(folder.relativize(file).spliterator(), false)
                .noneMatch(part -> part.toString().startsWith("."));
    }

    private static List<Extent> extents(Path file, String name) throws IOException {
        if (!name.endsWith(".jsonl")) {
            int bytes = Math.toIntExact(Files.size(file));
            return bytes == 0 ? List.of() : List.of(new Extent(name, 0, 0, bytes));
        }
        List<Extent> lines = new ArrayList<>();
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16)) {
            long begin = 0;
            long offset = 0;
            int line = 1;
            boolean blank = true;
            for (int b = in.read(); b >= 0; b = in.read()) {
                offset++;
                if (b == '\n') {
                    if (!blank) {
                        lines.add(new Extent(name, line, begin, Math.toIntExact(offset - 1 - begin)));
                    }
                    begin = offset;
                    line++;
                    blank = true;
                } else {
                    blank &= b <= ' ';
                }
            }
            if (!blank) {
                lines.add(new Extent(name, line, begin, Math.toIntExact(offset - begin)));
            }
        }
        return lines;
    }

    @Override
    public String name() {
        return provenance.name();
    }

    @Override
    public Provenance provenance() {
        return provenance;
    }

    @Override
    public Stream<Document> documents(long seed) {
        ExactCopies copies = new ExactCopies();
        return SeededOrder.of(extents, Extent::id, seed)
                .map(extent -> new Document(extent.id(), extent.file(), text(extent)))
                .filter(document -> !document.text().isEmpty())
                .filter(copies::isFirst);
    }

    private String text(Extent extent) {
        String content = Utf8.text(bytes(extent)).orElseThrow(() -> new GerbilException(
                folder.resolve(extent.id()) + " is not UTF-8", "text in UTF-8",
                "convert this file, or move it out of the folder"));
        if (extent.line() == 0) {
            return content;
        }
        try {
            JsonNode text = JSON.readTree(content).path("text");
            if (text.isTextual()) {
                return text.textValue();
            }
            throw new GerbilException(folder.resolve(extent.id()) + " has no text", "a field 'text' with a string",
                    "mend or delete this line");
        } catch (JsonProcessingException e) {
            throw new GerbilException(folder.resolve(extent.id()) + " is not JSON (" + e.getOriginalMessage() + ")",
                    "one JSON object a line", "mend or delete this line", e);
        }
    }

    private byte[] bytes(Extent extent) {
        ByteBuffer buffer = ByteBuffer.allocate(extent.bytes());
        try (FileChannel channel = FileChannel.open(folder.resolve(extent.file()))) {
            channel.position(extent.offset());
            while (buffer.hasRemaining()) {
                if (channel.read(buffer) < 0) {
                    throw new EOFException(extent.file() + " became shorter while it was read");
                }
            }
            return buffer.array();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
