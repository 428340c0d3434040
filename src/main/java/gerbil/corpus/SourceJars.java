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

    private final String name;
    private final Path folder;
    private final List<PinnedJar> pinned;
    private final Runnable fetch;
    private Contents contents;

    private record Contents(Provenance provenance, List<Entry> entries) {
    }

    private record Entry(String jar, String name) {

        String id() {
            return jar + "!/" + name;
        }
    }

    SourceJars(String name, Path folder, List<PinnedJar> pinned, Runnable fetch) {
        this.name = name;
        this.folder = folder;
        this.pinned = pinned;
        this.fetch = fetch;
    }

    /**
     * The nano scale's artifacts in a folder; other files there are ignored. What needs their contents fails with a
     * {@link GerbilException} that names the jar if one is missing or its checksum is not the pinned one.
     *
     * @param fetch called before, to fetch what is missing
     */
    public static SourceJars few(Path folder, Runnable fetch) {
        return new SourceJars(NAME, folder, PinnedJar.few(), fetch);
    }

    /** The paper scale's artifacts, which the nano scale's are a part of, in the same way. */
    public static SourceJars all(Path folder, Runnable fetch) {
        return new SourceJars("all-source-jars", folder, PinnedJar.all(), fetch);
    }

    private synchronized Contents contents() {
        if (contents == null) {
            fetch.run();
            contents = verified();
        }
        return contents;
    }

    private Contents verified() {
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
        return new Contents(new Provenance(name, files), entries);
    }

    private static boolean isText(String name) {
        return TEXT.contains(name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String identity() {
        return new Provenance(name, pinned.stream()
                .map(jar -> new Provenance.SourceFile(jar.file(), 0, jar.sha256(), jar.licence())).toList()).hash();
    }

    @Override
    public Provenance provenance() {
        return contents().provenance();
    }

    /** All of them: the first documents of the seed's order are of all jars. */
    @Override
    public Provenance provenance(Collection<String> files) {
        return provenance();
    }

    @Override
    public Stream<Slice> slices(long seed) {
        List<Entry> order = SeededOrder.of(contents().entries(), Entry::id, seed);
        Map<String, ZipFile> jars = openJars();
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
            for (PinnedJar jar : pinned) {
                jars.put(jar.file(), new ZipFile(folder.resolve(jar.file()).toFile()));
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
