package gerbil.corpus;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.base.Unchecked;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * A folder with all its subfolders, or one file. The lines of a {@code .jsonl}, {@code .jsonl.gz} or {@code .jsonl.zst}
 * file are JSON objects whose field {@code text} is one document; the rows of a {@code .parquet} file are documents by
 * their column {@code text}; every other file is one document in UTF-8. A field or column {@code meta.pile_set_name},
 * as the Pile has it, names a document's subset. Hidden files and empty files are passed over; what
 * a symbolic link leads to is a file or folder of the link's name.
 *
 * <p>Files are taken in the seed's order, two gigabytes of them together; within these, the pieces that can be read
 * independently are shuffled. So a small corpus is shuffled as a whole, and a small budget reads few files of a large
 * one. Memory: 150 bytes a file for its name.
 */
public final class TextFolder implements Corpus {

    private static final long TOGETHER_BYTES = 2L << 30;

    private final Path folder;
    private final String name;
    private final List<Entry> entries;

    /**
     * A file.
     *
     * @param name relative to the folder, with slashes
     * @param modified in milliseconds
     */
    record Entry(String name, long bytes, long modified) {
    }

    private TextFolder(Path folder, String name, List<Entry> entries) {
        this.folder = folder;
        this.name = name;
        this.entries = entries;
    }

    /**
     * @param path the folder, or one file
     * @throws GerbilException if it does not exist, has no files with content, or links that lead nowhere or in circles
     */
    public static TextFolder open(Path path) {
        String name = String.valueOf(path.toAbsolutePath().normalize().getFileName());
        try {
            if (Files.isRegularFile(path)) {
                Entry only = entry(name, Files.readAttributes(path, BasicFileAttributes.class));
                return new TextFolder(path.toAbsolutePath().getParent(), name, List.of(only));
            }
            if (!Files.isDirectory(path)) {
                throw new GerbilException("no folder " + path, "a folder of texts", "check its name");
            }
            Map<Path, BasicFileAttributes> files = Folders.files(path);
            List<Entry> entries = files.entrySet().stream().map(f -> entry(relative(path, f.getKey()), f.getValue()))
                    .filter(entry -> entry.bytes() > 0).sorted((a, b) -> a.name().compareTo(b.name())).toList();
            if (entries.isEmpty()) {
                throw new GerbilException("a corpus with no documents in " + path
                        + (files.isEmpty() ? ", which has no files, or hidden ones" : ", whose files are all empty"),
                        "files of text, .jsonl, .jsonl.gz, .jsonl.zst or .parquet", "put texts into this folder");
            }
            return new TextFolder(path, name, entries);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One file, by its path from a folder. */
    static TextFolder file(Path folder, String name) {
        return Unchecked.io(() -> new TextFolder(folder, name, List.of(entry(name,
                Files.readAttributes(folder.resolve(name), BasicFileAttributes.class)))));
    }

    private static Entry entry(String name, BasicFileAttributes file) {
        return new Entry(name, file.size(), file.lastModifiedTime().toMillis());
    }

    private static String relative(Path folder, Path file) {
        return StreamSupport.stream(folder.relativize(file).spliterator(), false).map(Path::toString)
                .collect(Collectors.joining("/"));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String identity() {
        String lines = entries.stream().map(e -> e.bytes() + " " + e.modified() + " " + e.name())
                .collect(Collectors.joining("\n", name + "\n", "\n"));
        return Sha256.hex(lines.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public Provenance provenance() {
        return provenance(entries.stream().map(Entry::name).toList());
    }

    @Override
    public Provenance provenance(Collection<String> files) {
        Set<String> wanted = new HashSet<>(files);
        return new Provenance(name, entries.parallelStream().filter(e -> wanted.contains(e.name())).map(e -> {
            try {
                return new Provenance.SourceFile(e.name(), e.bytes(), Sha256.hex(folder.resolve(e.name())),
                        "not stated");
            } catch (IOException x) {
                throw new UncheckedIOException(x);
            }
        }).toList());
    }

    @Override
    public Stream<Slice> slices(long seed) {
        return together(SeededOrder.of(entries, Entry::name, seed)).stream().flatMap(files -> slices(files, seed));
    }

    private static List<List<Entry>> together(List<Entry> files) {
        List<List<Entry>> groups = new ArrayList<>();
        long bytes = TOGETHER_BYTES;
        for (Entry file : files) {
            if (bytes >= TOGETHER_BYTES) {
                groups.add(new ArrayList<>());
                bytes = 0;
            }
            groups.get(groups.size() - 1).add(file);
            bytes += file.bytes();
        }
        return groups;
    }

    /** Either a text of its own or a part of a file of many. */
    private record Unit(Entry text, RecordFile.Part part) {

        String id() {
            return text != null ? text.name() : part.id();
        }
    }

    private Stream<Slice> slices(List<Entry> files, long seed) {
        List<Unit> units = files.stream().flatMap(entry ->
                RecordFile.of(folder.resolve(entry.name()), entry.name()).map(records -> parts(records, entry, seed)
                        .stream().map(part -> new Unit(null, part))).orElse(Stream.of(new Unit(entry, null)))).toList();
        return batched(SeededOrder.of(units, Unit::id, seed)).stream();
    }

    /** A bad file is told when its turn comes, so that it may be skipped there. */
    private static List<RecordFile.Part> parts(RecordFile file, Entry entry, long seed) {
        try {
            return file.parts(seed);
        } catch (BadFile e) {
            return List.of(new RecordFile.Part(entry.name(), new Slice(Set.of(entry.name()), () -> {
                throw e;
            })));
        }
    }

    private List<Slice> batched(List<Unit> units) {
        List<Slice> slices = new ArrayList<>();
        List<Entry> texts = new ArrayList<>();
        long bytes = 0;
        for (Unit unit : units) {
            boolean full = bytes >= RecordFile.BLOCK_BYTES || texts.size() == TextFiles.MOST;
            if (!texts.isEmpty() && (unit.text() == null || full)) {
                slices.add(new TextFiles(folder, name, List.copyOf(texts)).slice());
                texts.clear();
                bytes = 0;
            }
            if (unit.text() == null) {
                slices.add(unit.part().slice());
            } else {
                texts.add(unit.text());
                bytes += unit.text().bytes();
            }
        }
        if (!texts.isEmpty()) {
            slices.add(new TextFiles(folder, name, texts).slice());
        }
        return slices;
    }
}
