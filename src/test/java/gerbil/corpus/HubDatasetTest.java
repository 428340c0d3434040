package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Against two real servers: one speaks the hub's interface, the other holds the files that it redirects to. */
class HubDatasetTest {

    private static final String REVISION = "a".repeat(40);
    private static final int PAGE = 3;

    @TempDir
    Path temp;
    private final Map<String, byte[]> files = new TreeMap<>();
    private final List<String> asked = Collections.synchronizedList(new ArrayList<>());
    private final List<String> tokens = Collections.synchronizedList(new ArrayList<>());
    private String revision = REVISION;
    private HttpServer hub;
    private HttpServer store;
    private volatile Answer trouble;
    private volatile int cut = Integer.MAX_VALUE;

    /** What is answered in place of the truth, to addresses that contain something, so many times. */
    private record Answer(String to, int times, int status, String body, Map<String, String> headers) {
    }

    @BeforeEach
    void serve() throws IOException {
        hub = server(this::answer);
        store = server(this::give);
    }

    private HttpServer server(com.sun.net.httpserver.HttpHandler handler) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", exchange -> {
            try (exchange) {
                asked.add(exchange.getRequestURI().toString());
                tokens.add((server == hub ? "hub " : "store ")
                        + exchange.getRequestHeaders().getFirst("Authorization"));
                handler.handle(exchange);
            }
        });
        server.start();
        return server;
    }

    @AfterEach
    void stop() {
        hub.stop(0);
        store.stop(0);
    }

    private void answer(HttpExchange exchange) throws IOException {
        String address = exchange.getRequestURI().toString();
        Answer now = trouble;
        if (now != null && now.times() > 0 && address.contains(now.to())) {
            trouble = new Answer(now.to(), now.times() - 1, now.status(), now.body(), now.headers());
            now.headers().forEach(exchange.getResponseHeaders()::set);
            send(exchange, now.status(), now.body().getBytes(StandardCharsets.UTF_8));
        } else if (address.matches("/api/datasets/o/set(/revision/refs%2Fpr%2F1)?")) {
            send(exchange, 200, Json.line(Map.of("id", "o/set", "sha", revision, "gated", false))
                    .getBytes(StandardCharsets.UTF_8));
        } else if (address.startsWith("/api/datasets/o/set/tree/" + revision + "?recursive=true")) {
            page(exchange, address);
        } else if (address.startsWith("/datasets/o/set/resolve/" + revision + "/")) {
            exchange.getResponseHeaders().set("Location", "http://127.0.0.1:" + store.getAddress().getPort()
                    + address.substring(("/datasets/o/set/resolve/" + revision).length()) + "?signature=1");
            send(exchange, 302, new byte[0]);
        } else {
            exchange.getResponseHeaders().set("X-Error-Message", "Repository not found");
            send(exchange, 404, "{\"error\":\"Repository not found\"}".getBytes(StandardCharsets.UTF_8));
        }
    }

    private void page(HttpExchange exchange, String address) throws IOException {
        int from = address.contains("cursor=") ? Integer.parseInt(address.replaceAll(".*cursor=", "")) : 0;
        List<Map<String, Object>> all = new ArrayList<>();
        all.add(Map.of("type", "directory", "oid", "0".repeat(40), "size", 0, "path", "data"));
        files.forEach((path, content) -> {
            Map<String, Object> entry = new HashMap<>(Map.of("type", "file", "oid", "1".repeat(40), "size",
                    content.length, "path", path));
            if (!path.endsWith(".jsonl")) {
                entry.put("lfs", Map.of("oid", Sha256.hex(content), "size", content.length, "pointerSize", 130));
            }
            all.add(entry);
        });
        if (from + PAGE < all.size()) {
            exchange.getResponseHeaders().set("Link", "<https://elsewhere/api/datasets/o/set/tree/" + revision
                    + "?recursive=true&cursor=" + (from + PAGE) + ">; rel=\"next\"");
        }
        send(exchange, 200, Json.line(all.subList(from, Math.min(from + PAGE, all.size())))
                .getBytes(StandardCharsets.UTF_8));
    }

    private void give(HttpExchange exchange) throws IOException {
        byte[] content = files.get(URLDecoder.decode(exchange.getRequestURI().getRawPath(), StandardCharsets.UTF_8)
                .substring(1));
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        exchange.getResponseHeaders().set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/"
                + content.length);
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
        exchange.getResponseBody().write(content, from, Math.min(cut, content.length - from));
    }

    private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        if (body.length > 0) {
            exchange.getResponseBody().write(body);
        }
    }

    private Corpus open(String name) {
        Map<String, String> environment = Map.of("HF_ENDPOINT", "http://127.0.0.1:" + hub.getAddress().getPort() + "/",
                "HF_TOKEN", "hf_secret");
        return HubDataset.open(name, temp.resolve("kept"), new Web(environment,
                new Web.Patience(Duration.ofMinutes(1), Duration.ofMillis(1), Duration.ofSeconds(10)), Progress.NONE));
    }

    private void put(String... paths) {
        for (String path : paths) {
            byte[] lines = IntStream.range(0, 20).mapToObj(i -> "{\"text\": \"" + path + " " + i + "\"}\n")
                    .collect(Collectors.joining()).getBytes(StandardCharsets.UTF_8);
            files.put(path, path.endsWith(".zst") ? com.github.luben.zstd.Zstd.compress(lines) : lines);
        }
    }

    private static List<String> sources(Corpus corpus) {
        try (Stream<Document> documents = corpus.documents(1)) {
            return documents.map(document -> document.text().replaceAll(" \\d+$", "")).distinct().sorted().toList();
        }
    }

    private String refusal(String name) {
        String message = assertThrows(GerbilException.class, () -> open(name)).getMessage();
        assertEquals(1, message.lines().count(), message);
        assertFalse(message.contains("hf_secret"), message);
        assertFalse(Files.exists(temp.resolve("kept/files.json")), "a bad answer is not kept");
        return message;
    }

    @Test
    void filesForTrainingOfAllPagesAreRead() throws IOException {
        put("README.md", "data/train-00000-of-00002.jsonl.zst", "data/train-00001-of-00002.jsonl.zst",
                "data/validation-00000-of-00001.jsonl.zst", "other train/a b.jsonl", "test.jsonl.zst", "x.csv");
        Corpus corpus = open("hf:o/set");
        assertEquals("hf:o/set@" + REVISION, corpus.name());
        assertEquals(List.of("data/train-00000-of-00002.jsonl.zst", "data/train-00001-of-00002.jsonl.zst",
                "other train/a b.jsonl"), sources(corpus));
        assertEquals(3, asked.stream().filter(address -> address.contains("/tree/")).count());
        assertTrue(asked.contains("/datasets/o/set/resolve/" + REVISION + "/other%20train/a%20b.jsonl"));
        Provenance provenance = corpus.provenance(List.of("data/train-00001-of-00002.jsonl.zst"));
        assertEquals(corpus.name(), provenance.name());
        assertEquals(Sha256.hex(files.get("data/train-00001-of-00002.jsonl.zst")), provenance.files().get(0).sha256());
    }

    @Test
    void onlyTheHubIsToldTheToken() {
        put("a.jsonl");
        sources(open("hf:o/set"));
        assertEquals(List.of("hub Bearer hf_secret", "store null"), tokens.stream().distinct().sorted().toList());
    }

    @Test
    void aSmallBudgetFetchesFewFiles() {
        put(IntStream.range(0, 30).mapToObj(i -> "train/" + i + ".jsonl").toArray(String[]::new));
        try (Stream<Document> documents = open("hf:o/set").documents(5)) {
            assertEquals(15, documents.limit(15).count());
        }
        assertTrue(asked.stream().filter(address -> address.contains("/resolve/")).count() <= 2, asked.toString());
    }

    /** All that a reader types; again without a hub. */
    @Test
    void theCommandPreparesASetByItsName() throws Exception {
        put(IntStream.range(0, 40).mapToObj(i -> "train/" + i + ".jsonl.zst").toArray(String[]::new));
        prepare();
        String manifest = Files.readString(temp.resolve("data/tokens/o-set-nano/train/tokens.json"));
        assertTrue(manifest.contains("hf:o/set@" + REVISION), manifest);
        assertTrue(manifest.contains(Sha256.hex(files.get("train/7.jsonl.zst"))), manifest);
        assertTrue(Files.exists(temp.resolve("data/downloads/o-set/train/7.jsonl.zst")));
        hub.stop(0);
        prepare();
    }

    private void prepare() throws Exception {
        ProcessBuilder builder = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", System.getProperty("java.class.path"), "-Dgerbil.home=" + temp, "gerbil.cli.Gerbil",
                "prepare", "--corpus", "hf:o/set", "--tokens", "5k");
        builder.environment().put("HF_ENDPOINT", "http://127.0.0.1:" + hub.getAddress().getPort());
        Process process = builder.redirectErrorStream(true).start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), printed);
    }

    @Test
    void aFolderOfTheSetMayBeNamed() {
        put("en/train.jsonl", "de/train.jsonl", "de/old/more.jsonl");
        assertEquals(List.of("de/train.jsonl"), sources(open("hf:o/set:de")));
        String message = assertThrows(GerbilException.class, () -> HubDataset.open("hf:o/set:ed", temp.resolve("other"),
                new Web(Map.of("HF_ENDPOINT", "http://127.0.0.1:" + hub.getAddress().getPort()),
                        Web.Patience.DEFAULT, Progress.NONE))).getMessage();
        assertTrue(message.contains("no folder 'ed'") && message.contains("[de, de/old, en]"), message);
    }

    @Test
    void aRevisionIsKeptUntilItsFolderIsDeleted() throws IOException {
        put("a.jsonl");
        String identity = open("hf:o/set").identity();
        revision = "b".repeat(40);
        int requests = asked.size();
        assertEquals(identity, open("hf:o/set").identity());
        assertEquals(requests, asked.size(), "the hub is not asked again");
        assertTrue(assertThrows(GerbilException.class, () -> open("hf:o/set@refs/pr/1")).getMessage()
                .contains("keep them in another folder"));
        Files.delete(temp.resolve("kept/files.json"));
        assertNotEquals(identity, open("hf:o/set").identity());
        Files.delete(temp.resolve("kept/files.json"));
        assertEquals("hf:o/set@" + revision, open("hf:o/set@refs/pr/1").name());
    }

    @Test
    void aFileGoesOnWhereTheConnectionWasLostThroughTheRedirect() throws IOException {
        files.put("a.jsonl.zst", com.github.luben.zstd.Zstd.compress(IntStream.range(0, 9_000)
                .mapToObj(i -> "{\"text\": \"" + i * 7919L * i + "\"}\n").collect(Collectors.joining())
                .getBytes(StandardCharsets.UTF_8)));
        cut = 20_000;
        assertEquals(9_000, sources(open("hf:o/set")).size());
        assertTrue(asked.stream().filter(address -> address.startsWith("/datasets/o/set/resolve/")).count() > 2);
    }

    @Test
    void aFileOfAnotherChecksumIsRefused() throws IOException {
        put("a.jsonl.zst");
        Corpus corpus = open("hf:o/set");
        byte[] other = files.get("a.jsonl.zst").clone();
        other[other.length / 2]++;
        files.put("a.jsonl.zst", other);
        String message = assertThrows(GerbilException.class, () -> sources(corpus)).getMessage();
        assertTrue(message.contains("a.jsonl.zst has SHA-256 " + Sha256.hex(other)), message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "/api/ | 401 | Invalid username or password. | (status 401: Invalid username or password.)",
        "/tree | 403 | Access to dataset o/set is restricted | set HF_TOKEN to a token of yours",
        "/api/ | 404 | Repository not found | no hf:o/set on",
        "/tree | 410 | gone | does not list hf:o/set (status 410: gone)"})
    void whatTheHubRefusesIsToldAtOnce(String to, int status, String words, String mentioned) {
        put("a.jsonl");
        trouble = new Answer(to, 99, status, "{\"error\": \"" + words + "\"}", Map.of("X-Error-Message", words));
        String message = refusal("hf:o/set");
        assertTrue(message.contains(mentioned), message);
        assertEquals(1, asked.stream().filter(address -> address.contains(to)).count());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "set/tree  | [{\"type\": \"file\", \"path\": \"a.js",
        "set/tree  | <html><body>Please log in</body></html>",
        "set/tree  | {\"error\": \"none\"}",
        "set/tree  | [{\"type\": \"file\", \"path\": \"../../.bashrc.jsonl\"}]",
        "set/tree  | [{\"type\": \"file\", \"path\": \"/etc/a.jsonl\"}]",
        "set/tree  | [{\"type\": \"file\"}]",
        "set/tree  | [{\"type\": \"file\", \"path\": \"a.jsonl\", \"lfs\": {\"oid\": \"12\"}}]",
        "/api/     | {}",
        "/api/     | {\"sha\": \"main/../..\"}",
        "/api/     | <!DOCTYPE html>"})
    void whatIsNotTheHubsAnswerIsToldByItsAddress(String to, String body) {
        put("a.jsonl");
        trouble = new Answer(to, 99, 200, body, Map.of());
        String message = refusal("hf:o/set");
        assertTrue(message.contains("that is not the hub's") && message.contains("http://127.0.0.1"), message);
    }

    @Test
    void aListThatGoesRoundIsRefused() {
        put("a.jsonl");
        trouble = new Answer("/tree", 99, 200, "[]", Map.of("Link", "<http://h/x?recursive=true>; rel=\"next\""));
        assertTrue(refusal("hf:o/set").contains("goes round"));
    }

    @Test
    void aHubThatIsBusyIsAskedAgainWhenItSaysSo() throws IOException {
        put("a.jsonl");
        trouble = new Answer("/tree", 2, 429, "{}", Map.of("Retry-After", "1"));
        long begin = System.nanoTime();
        assertEquals(List.of("a.jsonl"), sources(open("hf:o/set")));
        assertTrue(System.nanoTime() - begin > 1_900_000_000L, "it says two times to wait for a second");
        trouble = new Answer("/resolve", 3, 503, "", Map.of());
        WholeFile.delete(temp.resolve("kept"));
        assertEquals(List.of("a.jsonl"), sources(open("hf:o/set")));
    }

    @Test
    void aHubThatIsNeverReadyIsGivenUp() {
        trouble = new Answer("/api/", 99, 503, "", Map.of());
        assertTrue(refusal("hf:o/set").contains("does not list hf:o/set (status 503)"));
    }

    @Test
    void aRedirectThatGoesRoundIsRefused() {
        trouble = new Answer("/api/", 99, 302, "", Map.of("Location", "/api/datasets/o/set"));
        assertTrue(refusal("hf:o/set").contains("more than 10 redirects"));
        trouble = new Answer("/api/", 99, 307, "", Map.of("Location", "file:///etc/passwd"));
        assertTrue(refusal("hf:o/set").contains("a redirect to 'file:///etc/passwd'"));
    }

    @Test
    void setsWithoutTextsSayWhatTheyHave() {
        assertTrue(refusal("hf:o/set").contains("it is empty"));
        put("README.md", "a.csv", "b/c.csv", "LICENSE");
        assertTrue(refusal("hf:o/set").contains("(2 .csv, 1 .md, 1 without ending)"));
        put("test/x.jsonl", "validation/a.parquet");
        assertTrue(refusal("hf:o/set").contains("only files for validation and test in hf:o/set"));
        assertEquals(List.of("test/x.jsonl"), sources(open("hf:o/set:test")));
    }

    @Test
    void namesAreChecked() {
        for (String name : Arrays.asList("hf:", "hf:set", "hf:o/set/x", "hf:o/s et", "hf:o/set:", "hf:o/set@")) {
            assertTrue(refusal(name).contains("hf:OWNER/NAME"), name);
        }
        assertTrue(refusal("hf:o/nothing").contains("no hf:o/nothing on"));
        for (String endpoint : List.of("huggingface.co", "ftp://h", "http:// h")) {
            assertTrue(assertThrows(GerbilException.class, () -> new Web(Map.of("HF_ENDPOINT", endpoint),
                    Web.Patience.DEFAULT, Progress.NONE)).getMessage().contains("HF_ENDPOINT"));
        }
    }
}
