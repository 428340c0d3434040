package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.Campaign;
import gerbil.train.Child;
import org.junit.jupiter.api.Test;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** An endpoint in a process of its own under 64 clients, some of which hang up or talk nonsense. */
class EndpointLoadTest {

    private static final Path PROC = Path.of("/proc");
    private static final int CLIENTS = 64;
    private static final int BODIES = 200;
    private static final int SECONDS = Campaign.many("endpoint-seconds", 6);
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final Map<String, String> answers = new ConcurrentHashMap<>();
    private final LongAdder answered = new LongAdder();
    private final LongAdder refused = new LongAdder();
    private final LongAdder left = new LongAdder();

    /** What a process holds. */
    private record Held(long kilobytes, long threads, long files) {

        static Held of(Process process) throws IOException {
            Path folder = PROC.resolve(Long.toString(process.pid()));
            try (Stream<String> status = Files.lines(folder.resolve("status"))) {
                return new Held(status.filter(line -> line.startsWith("VmRSS")).mapToLong(line ->
                        Long.parseLong(line.replaceAll("\\D", ""))).sum(), count(folder.resolve("task")),
                        count(folder.resolve("fd")));
            }
        }

        private static long count(Path folder) throws IOException {
            try (Stream<Path> entries = Files.list(folder)) {
                return entries.count();
            }
        }
    }

    @Test
    void sixtyFourClientsMakeItGrowByNothing() throws Exception {
        assumeTrue(Files.isDirectory(PROC.resolve("self")), "this system does not tell a process's memory (no /proc)");
        // as in LongLifeTest, so that only what is not freed can grow
        Process child = Child.start(List.of("-Xms160m", "-Xmx160m", "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1"), Endpoint.class);
        try (BufferedReader said = child.inputReader()) {
            URI url = URI.create(said.readLine());
            load(url, Math.max(3, SECONDS / 4));
            Held warm = Held.of(child);
            load(url, SECONDS);
            Held end = Held.of(child);
            assertTrue(end.kilobytes < 1.05 * warm.kilobytes && end.threads <= warm.threads + 1
                    && end.files <= warm.files + 2, warm + " and " + end);
            Campaign.report("The endpoint under " + CLIENTS + " clients", SECONDS + " seconds: " + answered
                    + " requests answered, all alike the same, " + refused + " refused with a reason, " + left
                    + " clients hung up; " + warm.kilobytes + " kB, " + warm.threads + " threads and " + warm.files
                    + " files held when warm, and at the end " + end.kilobytes + ", " + end.threads + " and "
                    + end.files);
        } finally {
            child.destroyForcibly();
        }
    }

    private void load(URI url, int seconds) throws Exception {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        ExecutorService clients = Executors.newFixedThreadPool(CLIENTS);
        try {
            List<Future<Void>> ended = clients.invokeAll(IntStream.range(0, CLIENTS).mapToObj(i ->
                    (Callable<Void>) () -> {
                        SplittableRandom random = new SplittableRandom(Campaign.SEED + i);
                        while (System.nanoTime() < end) {
                            request(url, random);
                        }
                        return null;
                    }).toList());
            for (Future<Void> client : ended) {
                client.get();
            }
        } finally {
            clients.shutdownNow();
        }
        Thread.sleep(1_000); // those who hung up are noticed
    }

    private void request(URI url, SplittableRandom random) throws IOException, InterruptedException {
        String body = body(random.nextInt(BODIES));
        switch (random.nextInt(16)) {
            case 0 -> {
                try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), url.getPort())) {
                    socket.getOutputStream().write(("POST " + url.getPath() + " HTTP/1.1\r\nHost: localhost\r\n"
                            + "Content-Type: application/json\r\nContent-Length: " + body.length() + "\r\n\r\n"
                            + body.substring(0, random.nextInt(body.length() + 1))).getBytes(StandardCharsets.UTF_8));
                }
                left.increment();
            }
            case 1 -> {
                HttpResponse<String> response = post(url, body.substring(random.nextInt(1, body.length())));
                assertTrue(response.statusCode() == 400 && response.body().contains("Expected: "), response.body());
                refused.increment();
            }
            default -> {
                HttpResponse<String> response = post(url, body);
                if (response.statusCode() == 503) {
                    refused.increment();
                } else {
                    assertEquals(200, response.statusCode(), response.body());
                    String choices = JSON.readTree(response.body()).get("choices").toString();
                    assertEquals(answers.computeIfAbsent(body, b -> choices), choices);
                    answered.increment();
                }
            }
        }
    }

    private HttpResponse<String> post(URI url, String body) throws IOException, InterruptedException {
        return http.send(HttpRequest.newBuilder(url).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
    }

    /** Every third is scored, the others are continued. */
    private static String body(int number) {
        int[] prompt = new SplittableRandom(number).ints(1 + number % 40, 0, SomeModel.VOCABULARY.size()).toArray();
        return "{\"prompt\": " + Arrays.toString(prompt) + (number % 3 == 0
                ? ", \"max_tokens\": 0, \"logprobs\": 1, \"echo\": true}"
                : ", \"max_tokens\": " + number % 20 + ", \"temperature\": 0.8, \"seed\": " + number + "}");
    }

    /** Serves until it is killed. */
    static final class Endpoint {

        private Endpoint() {
        }

        public static void main(String[] args) throws Exception {
            try (NDManager manager = NDManager.newBaseManager();
                 CompletionsServer server =
                         CompletionsServer.start(SomeModel.create(manager), SomeModel.TOKENIZER, 0)) {
                System.out.println(server.url());
                Thread.sleep(Long.MAX_VALUE);
            }
        }
    }
}
