package gerbil.corpus;

import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.base.Utf8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Files behind HTTPS addresses, fetched when their turn comes, the next one while one is read, and kept. The list is a
 * file, {@code *.urls}, with an address a line, which may follow the file's SHA-256 as sha256sum prints it. Files are
 * taken one by one in the seed's order, so that a budget fetches no more than it reads and a part of the file after.
 */
public final class RemoteFiles implements Corpus {

    /** How the name of a list ends. */
    public static final String LIST = ".urls";

    private static final Pattern LINE = Pattern.compile("(?:([0-9a-fA-F]{64})\\s+\\*?)?(https?://\\S+)");

    private final String name;
    private final String identity;
    private final List<RemoteFile> files;
    private final Path folder;
    private final Web web;

    private RemoteFiles(String name, Function<RemoteFile, String> identity, List<RemoteFile> files, Path folder,
                        Web web) {
        this.name = name;
        this.identity = Sha256.hex(files.stream().map(f -> f.sha256().orElse("") + " " + identity.apply(f))
                .collect(Collectors.joining("\n", name + "\n", "\n")).getBytes(StandardCharsets.UTF_8));
        this.files = files;
        this.folder = folder;
        this.web = web;
    }

    /** Files that their names and the corpus's name identify, from whatever mirror they come. */
    static RemoteFiles of(String name, List<RemoteFile> files, Path folder, Web web) {
        return new RemoteFiles(name, RemoteFile::name, files, folder, web);
    }

    /**
     * @param list the file of addresses
     * @param folder where the files are kept
     * @throws GerbilException if a line is no address, no line is one, or two files have one name
     */
    static RemoteFiles open(Path list, Path folder, Web web) {
        List<RemoteFile> files = new ArrayList<>();
        Set<String> names = new HashSet<>();
        try {
            List<String> lines = Utf8.read(list).lines().toList();
            for (int i = 0; i < lines.size(); i++) {
                String line = lines.get(i).strip();
                if (line.isEmpty() || line.startsWith("#")) {
                    continue;
                }
                RemoteFile file = parse(line).orElseThrow(badLine(list, i + 1, line));
                if (!names.add(file.name())) {
                    throw new GerbilException("two files " + file.name() + " in " + list, "files of different names",
                            "put one of them on another list");
                }
                files.add(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (files.isEmpty()) {
            throw new GerbilException("no address in " + list, "one a line", "add some");
        }
        return new RemoteFiles(list.getFileName().toString().replace(LIST, ""), file -> file.uri().toString(), files,
                folder, web);
    }

    private static java.util.function.Supplier<GerbilException> badLine(Path list, int number, String line) {
        return () -> new GerbilException("'" + line + "' in " + list + ":" + number,
                "an https address, perhaps after a SHA-256", "write it that way");
    }

    private static Optional<RemoteFile> parse(String line) {
        Matcher matcher = LINE.matcher(line);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        try {
            URI uri = URI.create(matcher.group(2));
            String path = String.valueOf(uri.getPath());
            String file = path.substring(path.lastIndexOf('/') + 1);
            boolean usable = uri.getHost() != null && !file.isEmpty() && !file.startsWith(".");
            return usable ? Optional.of(new RemoteFile(file, uri,
                    Optional.ofNullable(matcher.group(1)).map(hex -> hex.toLowerCase(Locale.ROOT)))) : Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String identity() {
        return identity;
    }

    /** Of all files; fetches those that are not there. */
    @Override
    public Provenance provenance() {
        try {
            for (RemoteFile file : files) {
                new Download(web, file, folder).run();
            }
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
        return provenance(files.stream().map(RemoteFile::name).toList());
    }

    @Override
    public Provenance provenance(Collection<String> wanted) {
        return new Provenance(name, files.stream().filter(f -> wanted.contains(f.name()))
                .flatMap(f -> TextFolder.file(folder, f.name()).provenance().files().stream()).toList());
    }

    /** What has been fetched of a file when the stream is closed stays, for the next time. */
    @Override
    public Stream<Slice> slices(long seed) {
        List<RemoteFile> order = SeededOrder.of(files, RemoteFile::name, seed);
        ExecutorService fetcher = Executors.newSingleThreadExecutor(task -> {
            Thread thread = new Thread(task, "fetching");
            thread.setDaemon(true);
            return thread;
        });
        List<Future<?>> fetched = new ArrayList<>();
        fetched.add(fetch(fetcher, order.get(0)));
        return IntStream.range(0, order.size()).boxed().flatMap(i -> {
            await(fetched.get(i));
            if (i + 1 < order.size()) {
                fetched.add(fetch(fetcher, order.get(i + 1)));
            }
            return TextFolder.file(folder, order.get(i).name()).slices(seed);
        }).onClose(fetcher::shutdownNow);
    }

    private Future<?> fetch(ExecutorService fetcher, RemoteFile file) {
        Download download = new Download(web, file, folder);
        return fetcher.submit(() -> {
            download.run();
            return null;
        });
    }

    private static void await(Future<?> fetched) {
        try {
            fetched.get();
        } catch (InterruptedException e) {
            throw interrupted(e);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof RuntimeException known ? known : new IllegalStateException(e.getCause());
        }
    }

    static GerbilException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new GerbilException("fetching was interrupted", "time to finish", "run it again: it goes on", e);
    }
}
