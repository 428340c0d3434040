package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.GerbilException;
import gerbil.kernels.Generator;
import gerbil.kernels.Sampling;
import gerbil.model.GptJ;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class CompletionsServerTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private static final String SCORE = ", \"max_tokens\": 1, \"temperature\": 0, \"logprobs\": 1, \"echo\": true}";

    private static NDManager manager;
    private static GptJ model;
    private static CompletionsServer server;

    @BeforeAll
    static void start() {
        manager = NDManager.newBaseManager();
        model = SomeModel.create(manager);
        server = new CompletionsServer(model, SomeModel.TOKENIZER, 0, Duration.ofSeconds(10));
    }

    @AfterAll
    static void stop() {
        server.close();
        manager.close();
    }

    private static HttpRequest.Builder request() {
        return HttpRequest.newBuilder(server.url()).timeout(Duration.ofMinutes(1))
                .header("Content-Type", "application/json");
    }

    private static HttpResponse<String> post(byte[] body) throws IOException, InterruptedException {
        return CLIENT.send(request().POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(),
                HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode choices(String body) throws IOException, InterruptedException {
        HttpResponse<String> response = post(body.getBytes(StandardCharsets.UTF_8));
        assertEquals(200, response.statusCode(), response.body());
        return JSON.readTree(response.body()).get("choices");
    }

    private static int[] ids(int count, int seed) {
        return new SplittableRandom(seed).ints(count, 0, SomeModel.VOCABULARY.size()).toArray();
    }

    /** What lm-evaluation-harness sends, for prompts up to one token longer than the positions. */
    @ParameterizedTest
    @CsvSource({"1", "2", "30", "63", "64", "65"})
    void theHarnesssRequestIsAnsweredWithTheScorersNumbers(int length) throws Exception {
        int[] prompt = ids(length, length);
        JsonNode logprobs = choices("{\"prompt\": [" + Arrays.toString(prompt) + "]" + SCORE).get(0).get("logprobs");
        JsonNode own = logprobs.get("token_logprobs");
        assertEquals(length + 1, own.size());
        assertTrue(own.get(0).isNull() && logprobs.get("top_logprobs").get(0).isNull());
        double sum = 0;
        boolean greedy = true;
        for (int i = 1; i < length; i++) {
            sum += own.get(i).asDouble();
            greedy &= own.get(i).asDouble() == logprobs.get("top_logprobs").get(i).elements().next().asDouble();
        }
        if (length > 1) {
            var expected = new Scorer(model, SomeModel.TOKENIZER).score(List.of(new gerbil.kernels.TokenWindow(
                    new int[] {prompt[0]}, Arrays.copyOfRange(prompt, 1, length))), 0).get(0);
            assertEquals(expected.sum(), sum, 1e-4);
            assertEquals(expected.greedy(), greedy);
        }
        assertEquals(own.get(length).asDouble(),
                logprobs.get("top_logprobs").get(length).elements().next().asDouble());
    }

    @Test
    void aTextPromptIsItsTokens() throws Exception {
        String text = "On day 7 <|endoftext|>the gerbil ran — né";
        int[] ids = SomeModel.TOKENIZER.encodeTagged(text);
        assertEquals(choices("{\"prompt\": " + Arrays.toString(ids) + SCORE),
                choices("{\"prompt\": " + JSON.writeValueAsString(text) + SCORE));
    }

    @Test
    void offsetsAndTokensSpellTheText() throws Exception {
        JsonNode choice = choices("{\"prompt\": \"né — 漢\"" + SCORE).get(0);
        String text = choice.get("text").asText();
        JsonNode tokens = choice.get("logprobs").get("tokens");
        JsonNode offsets = choice.get("logprobs").get("text_offset");
        assertTrue(text.startsWith("né — 漢"), text);
        for (int i = 0; i + 1 < tokens.size(); i++) {
            String token = tokens.get(i).asText();
            assertTrue(token.startsWith("bytes:\\x") || text.startsWith(token, offsets.get(i).asInt()),
                    choice.toString());
        }
    }

    @Test
    void completionsAreTheGenerators() throws Exception {
        int[] prompt = ids(5, 1);
        int[] expected = new Generator(model, 1_024).generate(prompt, 20, new Sampling(0.7, 0, 0.9), 3, id ->
                id == 1_023);
        String request = "{\"prompt\": " + Arrays.toString(prompt) + ", \"max_tokens\": 20, \"temperature\": 0.7, "
                + "\"top_p\": 0.9, \"seed\": 3";
        String text = SomeModel.TOKENIZER.decode(Arrays.stream(expected).skip(5).filter(id -> id != 1_023).toArray());
        JsonNode whole = choices(request + ", \"logprobs\": 5}").get(0);
        assertEquals(text, whole.get("text").asText());
        assertEquals(expected.length - 5, whole.get("logprobs").get("tokens").size());
        assertEquals(5, whole.get("logprobs").get("top_logprobs").get(0).size());

        String end = text.substring(text.length() / 2, text.length() / 2 + 2);
        JsonNode stopped = choices(request + ", \"stop\": [" + JSON.writeValueAsString(end) + "]}").get(0);
        assertEquals(text.substring(0, text.indexOf(end)), stopped.get("text").asText());
        assertEquals("stop", stopped.get("finish_reason").asText());
        assertTrue(stopped.get("logprobs").isNull());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "                                               | empty",
        "{\"prompt\": \"a\"                             | not JSON",
        "[1, 2]                                         | no object",
        "{\"prompt\": \"a\"} {}                         | not JSON",
        "{}                                             | \"prompt\": null",
        "{\"prompt\": 7}                                | \"prompt\": 7",
        "{\"prompt\": []}                               | \"prompt\": []",
        "{\"prompt\": \"\"}                             | a prompt of 0 tokens",
        "{\"prompt\": [[1], []]}                        | a prompt of 0 tokens",
        "{\"prompt\": [1, \"a\"]}                       | \"prompt\": [1,\"a\"]",
        "{\"prompt\": [1, 2.5]}                         | \"prompt\": [1,2.5]",
        "{\"prompt\": [1, 99999999999]}                 | \"prompt\": [1,99999999999]",
        "{\"prompt\": [1, -1]}                          | token -1",
        "{\"prompt\": [1, 1024]}                        | token 1024",
        "{\"prompt\": [1], \"max_tokens\": 64}          | \"max_tokens\": 64",
        "{\"prompt\": [1], \"max_tokens\": -1}          | \"max_tokens\": -1",
        "{\"prompt\": [1], \"max_tokens\": \"9\"}       | \"max_tokens\": \"9\"",
        "{\"prompt\": [1], \"logprobs\": 6}             | \"logprobs\": 6",
        "{\"prompt\": [1], \"logprobs\": true}          | \"logprobs\": true",
        "{\"prompt\": [1], \"temperature\": -1}         | temperature -1",
        "{\"prompt\": [1], \"temperature\": 1e-320}     | temperature 1.0E-320",
        "{\"prompt\": [1], \"temperature\": 1e400}      | temperature Infinity",
        "{\"prompt\": [1], \"temperature\": \"hot\"}    | \"temperature\": \"hot\"",
        "{\"prompt\": [1], \"top_p\": 0}                | top-p 0",
        "{\"prompt\": [1], \"seed\": 1e400}             | \"seed\": ",
        "{\"prompt\": [1], \"echo\": 1}                 | \"echo\": 1",
        "{\"prompt\": [1], \"stop\": [\"\"]}            | \"stop\": [\"\"]",
        "{\"prompt\": [1], \"stop\": 1}                 | \"stop\": 1",
        "{\"prompt\": {\"a\": \"b\"}}                  | \"prompt\": {",
        "{\"prompt\": [null]}                           | \"prompt\": [null]",
        "{\"prompt\": [[1], [2.5]]}                     | \"prompt\": [[1],[2.5]]",
        "{\"prompt\": [1], \"max_tokens\": \"\"}        | \"max_tokens\": \"\"",
        "{\"prompt\": [1], \"max_tokens\": 1.5}         | \"max_tokens\": 1.5",
        "{\"prompt\": [1], \"temperature\": true}       | \"temperature\": true",
        "{\"prompt\": [1], \"top_p\": \"0.5\"}          | \"top_p\": \"0.5\"",
        "{\"prompt\": [1], \"seed\": 99999999999999999999} | \"seed\": 9",
        "{\"prompt\": [1], \"echo\": \"\"}              | \"echo\": \"\"",
        "{\"prompt\": [1], \"stop\": [\"a\", null]}     | \"stop\": [\"a\",null]",
        "{\"prompt\": [1], \"stop\": {}}                | \"stop\": {}",
        "{\"prompt\": [1], \"stop\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]} | \"stop\": [1,",
        "{\"prompt\": [1], \"stream\": true}            | \"stream\": true",
        "{\"prompt\": [1], \"n\": 2}                    | \"n\": 2",
        "{\"prompt\": [1], \"top_k\": 40}               | \"top_k\": 40"})
    void aMalformedRequestIsAnsweredWithTheReason(String body, String mentioned) throws Exception {
        HttpResponse<String> response = post((body == null ? "" : body).getBytes(StandardCharsets.UTF_8));
        assertEquals(400, response.statusCode(), response.body());
        String message = JSON.readTree(response.body()).get("error").get("message").asText();
        assertTrue(message.contains(mentioned) && message.contains("Expected: "), message);
    }

    @Test
    void aThousandMalformedRequestsDoNotStopIt() throws Exception {
        SplittableRandom random = new SplittableRandom(0);
        byte[] good = ("{\"prompt\": [[5, 6, 7], [8, 9]]" + SCORE).getBytes(StandardCharsets.UTF_8);
        int refused = 0;
        for (int i = 0; i < 900; i++) {
            byte[] body = good.clone();
            for (int change = random.nextInt(1, 9); change > 0; change--) {
                body[random.nextInt(body.length)] = (byte) random.nextInt();
            }
            HttpResponse<String> response = post(Arrays.copyOf(body, random.nextInt(1, body.length + 1)));
            assertTrue(response.statusCode() == 200 || response.statusCode() == 400, response.body());
            assertTrue(response.statusCode() == 200 || response.body().contains("Expected: "), response.body());
            refused += response.statusCode() == 400 ? 1 : 0;
        }
        assertTrue(refused > 800, refused + " refused");
        for (int i = 0; i < 100; i++) {
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.url().getPort())) {
                byte[] noise = new byte[random.nextInt(200)];
                random.nextBytes(noise);
                socket.getOutputStream().write(i % 2 == 0 ? noise : ("POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                        + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"prompt\":").getBytes(StandardCharsets.UTF_8));
            } catch (IOException e) {
                // hung up on: as good an answer to noise as any
            }
        }
        assertEquals(2, choices(new String(good, StandardCharsets.UTF_8)).size());
    }

    @Test
    void sixtyFourClientsAtOnceGetTheirOwnAnswers() throws Exception {
        List<String> bodies = IntStream.range(0, 64).mapToObj(i -> "{\"prompt\": ["
                + Arrays.toString(ids(2 + i % 60, i))
                + ", " + Arrays.toString(ids(20, 100 + i)) + "]" + SCORE).toList();
        List<JsonNode> alone = new ArrayList<>();
        for (String body : bodies) {
            alone.add(choices(body));
        }
        List<HttpClient> clients = bodies.stream().map(b -> HttpClient.newHttpClient()).toList();
        List<CompletableFuture<HttpResponse<String>>> sent = IntStream.range(0, 64).mapToObj(i ->
                clients.get(i).sendAsync(request().POST(HttpRequest.BodyPublishers.ofString(bodies.get(i))).build(),
                        HttpResponse.BodyHandlers.ofString())).toList();
        for (int i = 0; i < 64; i++) {
            HttpResponse<String> response = sent.get(i).get();
            assertEquals(200, response.statusCode(), response.body());
            assertEquals(alone.get(i), JSON.readTree(response.body()).get("choices"));
        }
    }

    @Test
    void requestsAreBounded() throws Exception {
        HttpResponse<String> chunked = CLIENT.send(request().POST(HttpRequest.BodyPublishers.ofInputStream(
                () -> new ByteArrayInputStream(new byte[CompletionsServer.LARGEST_BODY + 1]))).build(),
                HttpResponse.BodyHandlers.ofString());
        assertEquals(413, chunked.statusCode());
        HttpResponse<String> large = post(new byte[3 * CompletionsServer.LARGEST_BODY]);
        assertEquals(413, large.statusCode());
        assertTrue(large.body().contains("a body of more than 1048576 bytes"), large.body());
        String many = IntStream.range(0, 1_100).mapToObj(i ->
                Arrays.toString(ids(60, i))).collect(Collectors.joining(","));
        HttpResponse<String> tokens = post(("{\"prompt\": [" + many + "]" + SCORE).getBytes(StandardCharsets.UTF_8));
        assertEquals(400, tokens.statusCode());
        assertTrue(tokens.body().contains("67100 tokens in one request"), tokens.body());
        HttpResponse<String> deep = post("[".repeat(100_000).getBytes(StandardCharsets.UTF_8));
        assertEquals(400, deep.statusCode());
        HttpResponse<String> text = post(("{\"prompt\": \"" + "a".repeat(1_000_000) + "\"}")
                .getBytes(StandardCharsets.UTF_8));
        assertEquals(400, text.statusCode());
    }

    private static Socket connect(CompletionsServer server, String begin) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.url().getPort());
        socket.getOutputStream().write(begin.getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    private static String head(int length) {
        return "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: " + length + "\r\n\r\n";
    }

    /** The time that a request has to arrive is ten seconds here. */
    @Test
    void halfSentRequestsKeepNobodyWaiting() throws Exception {
        List<Socket> slow = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            slow.add(connect(server, i % 2 == 0 ? "POST /v1/completions HTTP/1.1\r\nHost: a\r\n" : head(1_000) + "{"));
        }
        assertEquals(1, choices("{\"prompt\": [5, 6]" + SCORE).size());
        assertEquals(0, slow.get(0).getInputStream().available(), "it waited until the others were hung up on");
        try (Socket dripping = connect(server, head(1_000))) {
            dripping.setSoTimeout(1);
            assertTrue(IntStream.range(0, 300).anyMatch(i -> isHungUp(dripping)), "a byte now and then is kept for ever");
        }
        for (Socket socket : slow) {
            socket.setSoTimeout(10_000);
            while (socket.getInputStream().read() >= 0) {
                // what it is told before it is hung up on
            }
            socket.close();
        }
    }

    private static boolean isHungUp(Socket socket) {
        try {
            Thread.sleep(100);
            socket.getOutputStream().write(' ');
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException | InterruptedException e) {
            return true;
        }
    }

    @Test
    void clientsThatNeverReadTakeNoMoreMemoryThanIsStated() throws Exception {
        String body = "{\"prompt\": [" + IntStream.range(0, 1_000).mapToObj(i -> Arrays.toString(ids(64, i)))
                .collect(Collectors.joining(",")) + "], \"max_tokens\": 0, \"logprobs\": 5, \"echo\": true}";
        try (CompletionsServer patient = CompletionsServer.start(model, SomeModel.TOKENIZER, 0)) {
            List<Socket> deaf = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                deaf.add(connect(patient, head(body.length()) + body));
            }
            HttpRequest request = HttpRequest.newBuilder(patient.url()).header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString("{\"prompt\": [5, 6]" + SCORE)).build();
            HttpResponse<String> response;
            long deadline = System.nanoTime() + 300_000_000_000L;
            do { // it may overtake some of them
                response = CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
            } while (response.statusCode() != 503 && System.nanoTime() < deadline);
            assertEquals(503, response.statusCode(), response.body());
            assertTrue(response.body().contains("of answers that are not read"), response.body());
            for (Socket socket : deaf) {
                socket.close();
            }
        }
    }

    @Test
    void aClientThatLeavesIsNotComputedForTheRestOfItsRequest() throws Exception {
        String body = "{\"prompt\": [" + "[5],".repeat(1_000) + "[5]], \"max_tokens\": 60, \"stop\": [\"\\u0000\"]}";
        long begin = System.nanoTime();
        assertEquals(1_001, choices(body).size());
        long whole = System.nanoTime() - begin;
        connect(server, head(body.length()) + body).close();
        Thread.sleep(200);
        begin = System.nanoTime();
        choices("{\"prompt\": [5, 6]" + SCORE);
        long after = System.nanoTime() - begin;
        assertTrue(after < whole / 4, after / 1e9 + " of " + whole / 1e9 + " seconds");
    }

    @ParameterizedTest
    @CsvSource({"Host, evil.example, 403", "Host, evil.example:80, 403", "Host, 127.0.0.1.evil.example, 403",
        "Origin, http://evil.example, 403", "Origin, null, 403", "Origin, http://localhost.evil.example, 403",
        "Origin, '://', 403", "Origin, http://localhost:8888, 200", "Host, localhost:1, 200", "Host, [::1], 200",
        "Content-Type, '', 415", "Content-Type, text/plain, 415", "Content-Type, application/x-www-form-urlencoded, 415",
        "Content-Type, application/json; charset=utf-8, 200"})
    void pagesOfOtherSitesAreRefused(String name, String value, int status) throws Exception {
        String body = "{\"prompt\": [5, 6]" + SCORE;
        String head = name.equals("Origin") ? head(body.length()).replaceFirst("\r\n", "\r\nOrigin: " + value + "\r\n")
                : head(body.length()).replaceFirst(name + ": \\S+", name + ": " + value);
        try (Socket socket = connect(server, head.replaceFirst("\r\n", "\r\nConnection: close\r\n") + body)) {
            String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertTrue(answer.startsWith("HTTP/1.1 " + status), answer);
            assertTrue(status == 200 || answer.contains("To do: "), answer);
        }
    }

    @Test
    void anAnswerSaysHowManyTokensItTook() throws Exception {
        HttpResponse<String> response = post("{\"prompt\": [[5, 6, 7], [8]], \"max_tokens\": 3, \"temperature\": 0}"
                .getBytes(StandardCharsets.UTF_8));
        JsonNode usage = JSON.readTree(response.body()).get("usage");
        int written = usage.get("completion_tokens").asInt();
        assertEquals(4, usage.get("prompt_tokens").asInt());
        assertTrue(written >= 2 && written <= 6, usage.toString());
        assertEquals(4 + written, usage.get("total_tokens").asInt());
    }

    @Test
    void otherPathsAndMethodsAreTold() throws Exception {
        URI url = server.url();
        assertEquals(404, CLIENT.send(HttpRequest.newBuilder(url.resolve("/v1/chat/completions")).build(),
                HttpResponse.BodyHandlers.ofString()).statusCode());
        assertEquals(405, CLIENT.send(request().GET().build(), HttpResponse.BodyHandlers.ofString()).statusCode());
        assertTrue(CLIENT.send(HttpRequest.newBuilder(url.resolve("/v1/models")).build(),
                HttpResponse.BodyHandlers.ofString()).body().contains("gerbil"));
    }

    @Test
    void onlyThisMachineCanReachIt() throws Exception {
        assertTrue(InetAddress.getByName(server.url().getHost()).isLoopbackAddress());
        for (NetworkInterface network : NetworkInterface.networkInterfaces().toList()) {
            for (InetAddress address : network.inetAddresses().filter(a -> !a.isLoopbackAddress()).toList()) {
                assertThrows(IOException.class, () -> new Socket(address, server.url().getPort()).close());
            }
        }
    }

    @Test
    void aPortThatIsTakenIsTold() {
        int taken = server.url().getPort();
        GerbilException refused = assertThrows(GerbilException.class,
                () -> CompletionsServer.start(model, SomeModel.TOKENIZER, taken));
        assertTrue(refused.getMessage().contains("port " + taken), refused.getMessage());
    }
}
