package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What clients may do to the endpoint, and what may not come of it. */
class UnrulyClientsTest extends EndpointInUse {

    private static final String SHORT = "{\"prompt\": [5, 6]" + SCORE;
    private static final String CONTINUED =
            "{\"prompt\": [" + "[5],".repeat(999) + "[5]], \"max_tokens\": 60, \"stop\": [\"\\u0000\"]}";
    /** Its answer has seven million bytes, more than the system's buffers hold. */
    private static final String SCORED = "{\"prompt\": [" + IntStream.range(0, 1_000).mapToObj(i ->
            Arrays.toString(ids(64, i))).collect(Collectors.joining(",")) + "], \"max_tokens\": 0, \"logprobs\": 5, "
            + "\"echo\": true}";

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

    @Test
    void halfSentRequestsKeepNobodyWaiting() throws Exception {
        List<Socket> slow = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            slow.add(connect(server, i % 2 == 0 ? "POST /v1/completions HTTP/1.1\r\nHost: a\r\n" : head(1_000) + "{"));
        }
        assertEquals(1, choices(SHORT).size());
        assertEquals(0, slow.get(0).getInputStream().available(), "it waited until the others were hung up on");
        for (Socket socket : slow) {
            socket.setSoTimeout(10_000);
            while (socket.getInputStream().read() >= 0) {
                // what it is told before it is hung up on
            }
            socket.close();
        }
    }

    @Test
    void aByteNowAndThenKeepsNoConnection() throws Exception {
        String answered = head(2) + "{}";
        try (CompletionsServer hasty = patient(1)) {
            for (String begin : List.of("POST /v1/completions HTTP/1.1\r\nHost: ", head(1_000), answered)) {
                try (Socket dripping = connect(hasty, begin)) {
                    dripping.setSoTimeout(1);
                    Thread.sleep(begin.equals(answered) ? 500 : 0);
                    dripping.getInputStream().skipNBytes(dripping.getInputStream().available());
                    assertTrue(IntStream.range(0, 100).anyMatch(i -> isHungUp(dripping)), begin);
                }
            }
        }
    }

    /** So fast that the server can always write again before two seconds are over, and too slowly for all. */
    @Test
    void anAnswerThatIsReadALittleNowAndThenIsGivenUp() throws Exception {
        try (CompletionsServer hasty = patient(2)) {
            int whole = post(hasty, SCORED).body().length();
            try (Socket slow = connect(hasty, posted(SCORED))) {
                long read = slow.getInputStream().readNBytes(1).length;
                long begin = System.nanoTime();
                for (long millis = 0; millis < 5_000; millis = (System.nanoTime() - begin) / 1_000_000) {
                    read += slow.getInputStream().readNBytes((int) Math.max(0, 800 * millis - read)).length;
                    Thread.sleep(10);
                }
                read += slow.getInputStream().readAllBytes().length;
                assertTrue(read < whole, read + " of " + whole + " bytes");
            }
        }
    }

    @Test
    void onlyClientsAreHurried() throws Exception {
        try (CompletionsServer hasty = patient(1)) {
            long begin = System.nanoTime();
            assertEquals(200, post(hasty, CONTINUED).statusCode());
            assertTrue(System.nanoTime() - begin > 1_000_000_000L, "that was no long work");
        }
    }

    private static CompletionsServer patient(int seconds) {
        return new CompletionsServer(model, SomeModel.TOKENIZER, 0, Duration.ofSeconds(seconds));
    }

    private static HttpResponse<String> post(CompletionsServer server, String body) throws Exception {
        return CLIENT.send(HttpRequest.newBuilder(server.url()).header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static String posted(String body) {
        return head(body.length()) + body;
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
        try (CompletionsServer patient = patient(600)) {
            List<Socket> deaf = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                deaf.add(connect(patient, posted(SCORED)));
            }
            HttpResponse<String> response = untilStatus(503, patient); // it may overtake some of them
            assertTrue(response.body().contains("of answers that are not read"), response.body());
            for (Socket socket : deaf) {
                socket.close();
            }
            untilStatus(200, patient);
        }
    }

    private static HttpResponse<String> untilStatus(int status, CompletionsServer server) throws Exception {
        HttpResponse<String> response;
        long deadline = System.nanoTime() + 300_000_000_000L;
        do {
            response = post(server, SHORT);
        } while (response.statusCode() != status && System.nanoTime() < deadline);
        assertEquals(status, response.statusCode(), response.body());
        return response;
    }

    @Test
    void moreRequestsThanMayWaitAreToldSo() throws Exception {
        try (CompletionsServer busy = patient(60); Socket working = connect(busy, posted(CONTINUED))) {
            Thread.sleep(200);
            List<Socket> waiting = new ArrayList<>();
            for (int i = 0; i < CompletionsServer.WAITING + 10; i++) {
                waiting.add(connect(busy, posted(SHORT).replaceFirst("\r\n", "\r\nConnection: close\r\n")));
            }
            int refused = 0;
            for (Socket socket : waiting) {
                String answer = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                assertTrue(answer.startsWith("HTTP/1.1 200") || answer.contains("more than 128 requests waiting"),
                        answer);
                refused += answer.startsWith("HTTP/1.1 503") ? 1 : 0;
                socket.close();
            }
            assertEquals(10, refused);
            assertTrue(working.getInputStream().read() >= 0);
        }
    }

    @Test
    void aConnectionBeyondThoseThatAreHeldIsTakenWhenAnotherEnds() throws Exception {
        try (CompletionsServer full = patient(60)) {
            List<Socket> held = new ArrayList<>();
            for (int i = 0; i < CompletionsServer.CONNECTIONS; i++) {
                held.add(connect(full, "POST "));
            }
            Thread.sleep(500);
            try (Socket next = connect(full, posted(SHORT))) {
                next.setSoTimeout(1_000);
                assertThrows(SocketTimeoutException.class, () -> next.getInputStream().read());
                held.get(0).close();
                next.setSoTimeout(30_000);
                assertEquals('H', next.getInputStream().read());
            }
            for (Socket socket : held) {
                socket.close();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void clientsThatLeaveAreNotComputedForAnyMore(boolean scored) throws Exception {
        String body = scored ? SCORED : CONTINUED;
        choices(body);
        long begin = System.nanoTime();
        choices(body);
        long whole = System.nanoTime() - begin;
        for (int i = 0; i < 4; i++) { // the first is begun, the others wait
            connect(server, posted(body)).close();
        }
        Thread.sleep(200);
        begin = System.nanoTime();
        choices(SHORT);
        long after = System.nanoTime() - begin;
        assertTrue(after < whole / 2, after / 1e9 + " of " + whole / 1e9 + " seconds");
    }

    @Test
    void aRequestThatDoesNotAwaitTheAnswerBeforeItEndsTheConnection() throws Exception {
        try (Socket hasty = connect(server, posted(CONTINUED))) {
            Thread.sleep(200);
            hasty.getOutputStream().write(posted(SHORT).getBytes(StandardCharsets.UTF_8));
            String answer = new String(hasty.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            int body = answer.indexOf("\r\n\r\n");
            assertTrue(answer.startsWith("HTTP/1.1 200") && answer.substring(0, body).contains("Connection: close"),
                    answer.substring(0, body));
            assertEquals(1_000, JSON.readTree(answer.substring(body)).get("choices").size());
        }
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
    void onlyThisMachineCanReachIt() throws Exception {
        assertTrue(InetAddress.getByName(server.url().getHost()).isLoopbackAddress());
        for (NetworkInterface network : NetworkInterface.networkInterfaces().toList()) {
            for (InetAddress address : network.inetAddresses().filter(a -> !a.isLoopbackAddress()).toList()) {
                assertThrows(IOException.class, () -> new Socket(address, server.url().getPort()).close());
            }
        }
    }
}
