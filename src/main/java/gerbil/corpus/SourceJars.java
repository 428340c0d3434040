package gerbil.corpus;

import gerbil.base.GerbilException;
import gerbil.base.Utf8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The default corpora: the code and prose inside pinned {@code *-sources.jar} artifacts. An entry is a document if its
 * name ends like a text's, its bytes are non-empty UTF-8 and its first lines do not say that a program wrote it.
 */
public final class SourceJars implements Corpus {

    /** The name of the default corpus. */
    public static final String NAME = "source-jars";

    private static final Set<String> TEXT = Set.of(
            "java", "kt", "scala", "groovy", "clj", "rb", "py", "c", "h", "cpp", "sql", "g", "g4", "jj",
            "html", "md", "txt", "adoc", "rst", "xml", "xsd", "dtd", "yml", "yaml", "sh", "properties");

    private static final Pattern GENERATED = Pattern.compile("do not edit|generated (by|from|automatically)|"
            + "automatically generated", Pattern.CASE_INSENSITIVE);
    private static final int FIRST_CHARACTERS = 1_200;

    private final Path folder;
    private final Provenance provenance;
    private final List<Entry> entries;

    private record Entry(String jar, String name) {

        String id() {
            return jar + "!/" + name;
        }
    }

    private SourceJars(Path folder, Provenance provenance, List<Entry> entries) {
        this.folder = folder;
        this.provenance = provenance;
        this.entries = entries;
    }

    /**
     * Opens the nano scale's artifacts in a folder; other files there are ignored.
     *
     * @throws GerbilException if a jar is missing or its checksum is not the pinned one; the jar is named
     */
    public static SourceJars open(Path folder) {
        return open("source-jars", folder, PinnedJar.few());
    }

    /** Opens the paper scale's artifacts, which the nano scale's are a part of, in the same way. */
    public static SourceJars openAll(Path folder) {
        return open("all-source-jars", folder, PinnedJar.all());
    }

    static SourceJars open(String name, Path folder, List<PinnedJar> pinned) {
        List<Provenance.SourceFile> files = pinned.stream().map(jar -> jar.verify(folder)).toList();
        List<Entry> entries = new ArrayList<>();
        for (PinnedJar jar : pinned) {
            try (ZipFile zip = new ZipFile(folder.resolve(jar.file()).toFile())) {
                zip.stream().map(ZipEntry::getName).filter(SourceJars::isText)
                        .forEach(entry -> entries.add(new Entry(jar.file(), entry)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return new SourceJars(folder, new Provenance(name, files), entries);
    }

    private static boolean isText(String name) {
        return TEXT.contains(name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT));
    }

    @Override
    public String name() {
        return provenance.name();
    }

    @Override
    public String identity() {
        return provenance.hash();
    }

    @Override
    public Provenance provenance() {
        return provenance;
    }

    /** All of them: the first documents of the seed's order are of all jars. */
    @Override
    public Provenance provenance(Collection<String> files) {
        return provenance;
    }

    @Override
    public Stream<Slice> slices(long seed) {
        Map<String, ZipFile> jars = openJars();
        List<Entry> order = SeededOrder.of(entries, Entry::id, seed);
        return IntStream.iterate(0, i -> i < order.size(), i -> i + TextFiles.MOST)
                .mapToObj(i -> slice(jars, order.subList(i, Math.min(i + TextFiles.MOST, order.size()))))
                .onClose(() -> close(jars.values()));
    }

    private static Slice slice(Map<String, ZipFile> jars, List<Entry> entries) {
        return Slice.of(entries.stream().map(Entry::jar).collect(Collectors.toSet()), RecordFile.BLOCK_BYTES,
                () -> new Block.Content(entries.stream().flatMap(e -> document(jars.get(e.jar()), e).stream()).toList(),
                        List.of(), 0));
    }

    private Map<String, ZipFile> openJars() {
        Map<String, ZipFile> jars = new HashMap<>();
        try {
            for (Provenance.SourceFile file : provenance.files()) {
                jars.put(file.name(), new ZipFile(folder.resolve(file.name()).toFile()));
            }
            return jars;
        } catch (IOException e) {
            close(jars.values());
            throw new UncheckedIOException(e);
        }
    }

    private static Optional<Document> document(ZipFile jar, Entry entry) {
        try (InputStream in = jar.getInputStream(jar.getEntry(entry.name()))) {
            String text = Utf8.text(in.readAllBytes());
            return text.isEmpty() || isGenerated(text) ? Optional.empty()
                    : Optional.of(new Document(entry.id(), entry.jar(), text));
        } catch (Utf8.Malformed e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean isGenerated(String text) {
        return GENERATED.matcher(text).region(0, Math.min(text.length(), FIRST_CHARACTERS)).find();
    }

    private static void close(Collection<ZipFile> jars) {
        for (ZipFile jar : jars) {
            try {
                jar.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
