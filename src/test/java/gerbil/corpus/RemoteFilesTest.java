package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Against a real server that loses connections, stalls, changes its mind, and may or may not know ranges. */
class RemoteFilesTest {

    private static final int LENGTH = 900_000;

    @TempDir
    Path temp;
    private final byte[] content = new byte[LENGTH];
    private final List<String> ranges = Collections.synchronizedList(new ArrayList<>());
    private final List<String> words = Collections.synchronizedList(new ArrayList<>());
    private final AtomicInteger requests = new AtomicInteger();
    private HttpServer server;
    private Duration stalled = Duration.ofMinutes(1);
    private Behaviour behaviour = new Behaviour(true, Integer.MAX_VALUE, 0, 200);

    /** What the server does: how much it sends at once before it drops the line, and how long it then waits. */
    private record Behaviour(boolean ranges, int sends, int stallsMilliseconds, int status) {
    }

    @BeforeEach
    void serve() throws IOException {
        new Random(1).nextBytes(content);
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", this::answer);
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        requests.incrementAndGet();
        Behaviour now = behaviour;
        byte[] whole = exchange.getRequestURI().getPath().endsWith(".bin") ? content
                : Files.readAllBytes(temp.resolve("served" + exchange.getRequestURI().getPath()));
        String range = exchange.getRequestHeaders().getFirst("Range");
        String condition = exchange.getRequestHeaders().getFirst("If-Range");
        String tag = "\"" + Arrays.hashCode(whole) + "\"";
        int from = 0;
        if (now.ranges() && range != null && (condition == null || condition.equals(tag))) {
            ranges.add(range);
            from = Integer.parseInt(range.replaceAll("\\D", ""));
        }
        exchange.getResponseHeaders().set("ETag", tag);
        if (now.status() != 200) {
            exchange.sendResponseHeaders(now.status(), -1);
        } else if (from == whole.length && from > 0) {
            exchange.getResponseHeaders().set("Content-Range", "bytes */" + whole.length);
            exchange.sendResponseHeaders(416, -1);
        } else {
            exchange.getResponseHeaders().set("Content-Range",
                    "bytes " + from + "-" + (whole.length - 1) + "/" + whole.length);
            exchange.sendResponseHeaders(from > 0 ? 206 : 200, whole.length - from);
            int count = Math.min(now.sends(), whole.length - from);
            exchange.getResponseBody().write(whole, from, count);
            exchange.getResponseBody().flush();
            if (from + count < whole.length && now.stallsMilliseconds() > 0) {
                sleep(now.stallsMilliseconds());
            }
        }
        exchange.close();
    }

    private static void sleep(long milliseconds) {
        try {
            Thread.sleep(milliseconds);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private URI uri(String name) {
        return URI.create("http://" + server.getAddress().getAddress().getHostAddress() + ":"
                + server.getAddress().getPort() + "/" + name);
    }

    private Web web() {
        return new Web(Map.of(), new Web.Patience(stalled, Duration.ofMillis(1), Duration.ofMillis(200)),
                (what, done, total, unit) -> words.add(what));
    }

    private Path fetch(Optional<String> sha256) throws InterruptedException {
        Path folder = temp.resolve("got");
        new Download(web(), new RemoteFile("a.bin", uri("a.bin"), sha256), folder).run();
        return folder.resolve("a.bin");
    }

    private Optional<String> right() {
        return Optional.of(Sha256.hex(content));
    }

    private void assertWhole(Path file) throws IOException {
        assertArrayEquals(content, Files.readAllBytes(file));
        try (Stream<Path> list = Files.list(file.getParent())) {
            assertEquals(List.of(file), list.toList());
        }
    }

    @Test
    void fetchesAFileOnce() throws Exception {
        assertWhole(fetch(right()));
        assertWhole(fetch(right()));
        assertEquals(1, requests.get());
    }

    @Test
    void goesOnWhereTheConnectionWasLost() throws Exception {
        behaviour = new Behaviour(true, 200_000, 0, 200);
        assertWhole(fetch(Optional.empty()));
        assertTrue(requests.get() >= 5, requests.toString());
        assertEquals(requests.get() - 1, ranges.size());
    }

    @Test
    @Timeout(300)
    void aServerThatStallsIsLeftAndAskedAgain() throws Exception {
        stalled = Duration.ofMillis(500);
        behaviour = new Behaviour(true, 500_000, 600_000, 200);
        assertWhole(fetch(right()));
        assertTrue(words.contains("waiting for 127.0.0.1"), words.toString());
    }

    @Test
    void aKeptFileThatIsDamagedIsFetchedAgain() throws Exception {
        Path kept = fetch(right());
        byte[] damaged = content.clone();
        damaged[LENGTH / 2]++;
        Files.write(kept, damaged);
        assertWhole(fetch(right()));
        assertEquals(2, requests.get());
    }

    @Test
    void aHostThatIsNotThereIsToldWhileItIsAskedAgain() throws Exception {
        URI nobody = URI.create("http://127.0.0.1:1/a.bin");
        Web web = new Web(Map.of(), new Web.Patience(Duration.ofSeconds(1), Duration.ofMillis(5),
                Duration.ofMillis(100)), (what, done, total, unit) -> words.add(what));
        Download download = new Download(web, new RemoteFile("a.bin", nobody, Optional.empty()), temp);
        String message = assertThrows(GerbilException.class, download::run).getMessage();
        assertTrue(message.contains("127.0.0.1:1/a.bin cannot be fetched") && message.contains("ConnectException"),
                message);
        assertTrue(words.stream().anyMatch(word -> word.startsWith("waiting for 127.0.0.1 (")
                && word.contains("ConnectException")), words.toString());
    }

    @Test
    void aServerWithoutRangesIsAskedForTheWholeAgain() throws Exception {
        behaviour = new Behaviour(false, 200_000, 0, 200);
        String message = assertThrows(GerbilException.class, () -> fetch(right())).getMessage();
        assertTrue(message.contains("a.bin cannot be fetched") && message.contains("it goes on"), message);
        behaviour = new Behaviour(false, LENGTH, 0, 200);
        assertWhole(fetch(right()));
    }

    @Test
    void anotherProcessGoesOn() throws Exception {
        behaviour = new Behaviour(true, 200_000, 0, 200);
        Path part = Files.createDirectories(temp.resolve("got")).resolve("a.bin.part");
        Files.write(part, Arrays.copyOf(content, 300_000));
        behaviour = new Behaviour(true, LENGTH, 0, 200);
        assertWhole(fetch(right()));
        assertEquals(List.of("bytes=300000-"), ranges);
    }

    @Test
    void aPartOfAnotherFileIsNotGoneOnWith() throws Exception {
        Path part = Files.createDirectories(temp.resolve("got")).resolve("a.bin.part");
        Files.write(part, new byte[300_000]);
        assertWhole(fetch(right()));
        Files.delete(temp.resolve("got/a.bin"));
        Files.write(part, new byte[300_000]);
        Files.writeString(temp.resolve("got/a.bin.part.etag"), "\"another\"");
        assertWhole(fetch(Optional.empty()));
    }

    @Test
    void aWrongChecksumIsRefusedByName() {
        String message = assertThrows(GerbilException.class, () -> fetch(Optional.of("0".repeat(64)))).getMessage();
        assertTrue(message.contains("a.bin has SHA-256 " + Sha256.hex(content)), message);
        assertFalse(Files.exists(temp.resolve("got/a.bin")));
    }

    @Test
    void statusesThatWillNotChangeAreToldAtOnce() {
        behaviour = new Behaviour(true, LENGTH, 0, 404);
        String message = assertThrows(GerbilException.class, () -> fetch(right())).getMessage();
        assertTrue(message.contains("status 404"), message);
        assertEquals(1, requests.get());
        behaviour = new Behaviour(true, LENGTH, 0, 503);
        assertTrue(assertThrows(GerbilException.class, () -> fetch(right())).getMessage().contains("status 503"));
        assertEquals(9, requests.get());
    }

    private Path list(String... names) throws IOException {
        Files.createDirectories(temp.resolve("served"));
        List<String> lines = new ArrayList<>(List.of("# a comment", ""));
        for (String name : names) {
            Path file = temp.resolve("served").resolve(name);
            Files.write(file, IntStream.range(0, 50).mapToObj(i -> "{\"text\": \"" + name + " " + i + "\"}").toList());
            lines.add(Sha256.hex(file) + "  " + uri(name));
        }
        return Files.write(temp.resolve("files.urls"), lines);
    }

    @Test
    void documentsOfAllFilesComeOnceAndFilesNoFasterThanTheyAreRead() throws Exception {
        String[] names = IntStream.range(0, 6).mapToObj(i -> i + ".jsonl").toArray(String[]::new);
        Path list = list(names);
        RemoteFiles corpus = RemoteFiles.open(list, temp.resolve("kept"), web());
        try (Stream<Document> documents = corpus.documents(4)) {
            assertEquals(1, documents.limit(10).map(Document::source).distinct().count());
        }
        assertTrue(requests.get() <= 2, requests + " files for the documents of one");
        try (Stream<Document> documents = corpus.documents(4)) {
            assertEquals(300, documents.map(Document::text).collect(Collectors.toSet()).size());
        }
        Provenance provenance = corpus.provenance(List.of("3.jsonl"));
        assertEquals(Sha256.hex(temp.resolve("served/3.jsonl")), provenance.files().get(0).sha256());
        assertEquals(1, provenance.files().size());
    }

    @Test
    void refusesListsThatAreNone() throws IOException {
        for (String lines : List.of("", "ftp://host/a.jsonl", "https://host/", "12 https://host/a.jsonl",
                "https://host/a.jsonl\nhttps://other/a.jsonl", "https:// /a", "https://ho st/a")) {
            Path list = Files.writeString(temp.resolve("bad.urls"), lines);
            String message = assertThrows(GerbilException.class,
                    () -> RemoteFiles.open(list, temp, web())).getMessage();
            assertTrue(message.contains("bad.urls"), message);
        }
    }
}
