package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import gerbil.Campaign;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a disk may hold if the power fails behind any file operation of a process: strace tells the operations and their
 * bytes, and here each is done on a disk that loses what it may. Of a file that is what was written since it was forced,
 * each write by itself; of names, which a journal keeps in order, those behind the last one in a folder that was
 * forced.
 */
public abstract class PowerCuts {

    private static final String CALLS = "openat,write,pwrite64,fsync,fdatasync,rename,unlink,mkdir,rmdir,ftruncate,lseek";
    private static final Pattern CALL = Pattern.compile("(\\w+)\\((.*)\\) += (\\d+)(?:<[^>]*>)?");
    private static final Pattern BEGUN = Pattern.compile("(.*) <unfinished \\.\\.\\.>");
    private static final Pattern ENDED = Pattern.compile("<\\.\\.\\. \\w+ resumed>(.*)");
    private static final Pattern TEXT = Pattern.compile("(?:\"|<)((?:\\\\x[0-9a-f]{2})*)(?:\"|>)");

    private final Path disk;
    private final Path after;
    private final Random random = new Random(Campaign.SEED);
    private final List<Names> names = new ArrayList<>();
    private final Map<String, Long> positions = new HashMap<>();
    private final StringBuilder said = new StringBuilder();
    private final Set<String> disks = new HashSet<>();

    /** The names after an operation in some folders; a folder's content is null. */
    private record Names(List<Path> folders, TreeMap<Path, Content> contents) {
    }

    /** What a file holds after each write since it was forced. */
    private static final class Content {

        private byte[] forced = {};
        private byte[] bytes = {};
        private final List<UnaryOperator<byte[]>> writes = new ArrayList<>();

        void write(UnaryOperator<byte[]> write) {
            bytes = write.apply(bytes);
            writes.add(write);
        }

        void force() {
            forced = bytes;
            writes.clear();
        }

        /** With each write that was not forced, or without it. */
        byte[] some(Random random) {
            byte[] some = forced;
            for (UnaryOperator<byte[]> write : writes) {
                some = random.nextBoolean() ? write.apply(some) : some;
            }
            return some;
        }
    }

    /**
     * @param folder for all that the process writes, in {@code disk}, and the disks after a cut
     */
    protected PowerCuts(Path folder) throws IOException {
        disk = Files.createDirectories(folder.toRealPath().resolve("disk"));
        after = folder.resolve("after");
        names.add(new Names(List.of(), new TreeMap<>()));
    }

    /**
     * Sees to it that nothing is lost.
     *
     * @param disk a copy of what is there
     * @param said what the process had printed
     */
    protected abstract void cut(Path disk, String said) throws IOException;

    /** Where the process is to write. */
    public final Path disk() {
        return disk;
    }

    /**
     * Traces a class's main method, and cuts the power behind some of its operations.
     *
     * @param cuts behind how many; all if there are fewer
     * @return what was done, in words
     */
    public final String run(int cuts, Class<?> main, String... arguments) throws IOException, InterruptedException {
        assumeTrue(Child.succeeds("strace", "-qq", "-o", "/dev/null", "true"), "only strace tells a program's calls");
        Path trace = disk.resolveSibling("trace");
        Process process = Child.start(List.of("strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", "16000000", "-e",
                "signal=none", "-e", "trace=" + CALLS, "-o", trace.toString()), List.of("-XX:TieredStopAtLevel=1"), main,
                arguments);
        process.inputReader().lines().forEach(line -> { });
        assertEquals(0, process.waitFor());
        List<Matcher> calls = calls(trace);
        Set<Integer> cut = random.ints(0, calls.size()).distinct().limit(Math.min(cuts, calls.size())).boxed()
                .collect(Collectors.toSet());
        for (int i = 0; i < calls.size(); i++) {
            call(calls.get(i));
            if (cut.contains(i)) {
                cut();
            }
        }
        for (Map.Entry<Path, Content> file : now().entrySet()) {
            if (file.getValue() != null) {
                assertArrayEquals(Files.readAllBytes(file.getKey()), file.getValue().bytes, "of " + file.getKey());
            }
        }
        return "behind " + cut.size() + " of " + calls.size() + " file operations, which leave " + disks.size()
                + " different disks";
    }

    /** Those that were for the disk and did not fail, and what was printed, in order. */
    private List<Matcher> calls(Path trace) throws IOException {
        String on = HexFormat.of().withPrefix("\\x").formatHex((disk + "/").getBytes(StandardCharsets.UTF_8));
        Map<String, String> begun = new HashMap<>();
        try (Stream<String> lines = Files.lines(trace, StandardCharsets.ISO_8859_1)) {
            return lines.map(line -> {
                String thread = line.substring(0, line.indexOf(' '));
                String text = line.substring(thread.length()).strip();
                Matcher first = BEGUN.matcher(text);
                Matcher rest = ENDED.matcher(text);
                if (first.matches()) {
                    begun.put(thread, first.group(1));
                    return CALL.matcher("");
                }
                return CALL.matcher(rest.matches() ? begun.remove(thread) + rest.group(1) : text);
            }).filter(call -> call.matches() && (call.group(2).contains(on) || isPrinted(call))).toList();
        }
    }

    private static boolean isPrinted(Matcher call) {
        return call.group(1).equals("write") && call.group(2).startsWith("1<");
    }

    private TreeMap<Path, Content> now() {
        return names.get(names.size() - 1).contents;
    }

    private void call(Matcher call) {
        String name = call.group(1);
        String arguments = call.group(2);
        String result = call.group(3);
        List<byte[]> texts = TEXT.matcher(arguments).results().map(PowerCuts::bytes).toList();
        String file = arguments.split("\\D", 2)[0];
        if (isPrinted(call)) {
            said.append(new String(texts.get(1), StandardCharsets.UTF_8));
            return;
        }
        List<Path> paths = texts.stream().limit(2).map(t -> new String(t, StandardCharsets.UTF_8))
                .filter(t -> t.startsWith(disk + "/")).map(Path::of).toList();
        Path path = paths.get(0);
        switch (name) {
            case "openat" -> {
                positions.put(result, arguments.contains("O_APPEND") ? Long.MAX_VALUE : 0);
                if (arguments.contains("O_CREAT") && !now().containsKey(path)) {
                    change(contents -> contents.put(path, new Content()), path);
                }
                if (arguments.contains("O_TRUNC")) {
                    now().get(path).write(before -> new byte[0]);
                }
            }
            case "lseek" -> positions.put(file, Long.parseLong(result));
            case "write" -> {
                long at = Math.min(positions.get(file), now().get(path).bytes.length);
                now().get(path).write(before -> written(before, at, texts.get(1)));
                positions.computeIfPresent(file, (f, position) -> Math.max(position, at + texts.get(1).length));
            }
            case "pwrite64" -> {
                long at = Long.parseLong(arguments.substring(arguments.lastIndexOf(' ') + 1));
                now().get(path).write(before -> written(before, at, texts.get(1)));
            }
            case "ftruncate" -> {
                int length = Integer.parseInt(arguments.substring(arguments.lastIndexOf(' ') + 1));
                now().get(path).write(before -> Arrays.copyOf(before, length));
            }
            case "fsync", "fdatasync" -> force(path);
            case "mkdir" -> change(contents -> contents.put(path, null), path);
            case "unlink", "rmdir" -> change(contents -> contents.remove(path), path);
            case "rename" -> change(contents -> {
                for (Path moved : contents.keySet().stream().filter(p -> p.startsWith(path)).toList()) {
                    contents.put(paths.get(1).resolve(path.relativize(moved)), contents.remove(moved));
                }
            }, path, paths.get(1));
            default -> throw new IllegalStateException(name);
        }
    }

    private static byte[] bytes(MatchResult text) {
        return HexFormat.of().parseHex(text.group(1).replace("\\x", ""));
    }

    private static byte[] written(byte[] before, long at, byte[] bytes) {
        byte[] with = Arrays.copyOf(before, Math.max(before.length, (int) at + bytes.length));
        System.arraycopy(bytes, 0, with, (int) at, bytes.length);
        return with;
    }

    private interface Change {

        void to(Map<Path, Content> contents);
    }

    private void change(Change change, Path... changed) {
        TreeMap<Path, Content> contents = new TreeMap<>(now());
        change.to(contents);
        names.add(new Names(Stream.of(changed).map(Path::getParent).toList(), contents));
    }

    private void force(Path path) {
        Content content = now().get(path);
        if (content != null) {
            content.force();
        } else {
            int last = names.size() - 1;
            while (last > 0 && !names.get(last).folders.contains(path)) {
                last--;
            }
            names.subList(0, last).clear();
        }
    }

    private void cut() throws IOException {
        for (Names kept : names) {
            for (boolean nothing : new boolean[] {true, false}) {
                Map<Path, byte[]> files = new TreeMap<>();
                kept.contents.forEach((path, content) -> files.put(path,
                        content == null ? null : nothing ? content.forced : content.some(random)));
                StringBuilder state = new StringBuilder(said);
                files.forEach((path, bytes) -> state.append(path).append(bytes == null ? "" : Sha256.hex(bytes)));
                if (disks.add(state.toString())) {
                    WholeFile.delete(after);
                    Files.createDirectory(after);
                    for (Map.Entry<Path, byte[]> file : files.entrySet()) {
                        Path copy = after.resolve(disk.relativize(file.getKey()).toString());
                        if (file.getValue() == null) {
                            Files.createDirectories(copy);
                        } else {
                            Files.write(copy, file.getValue());
                        }
                    }
                    cut(after, said.toString());
                }
            }
        }
    }
}
