package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What clients may do to the endpoint, and what may not come of it. */
class UnrulyClientsTest extends EndpointInUse {

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
    void onlyThisMachineCanReachIt() throws Exception {
        assertTrue(InetAddress.getByName(server.url().getHost()).isLoopbackAddress());
        for (NetworkInterface network : NetworkInterface.networkInterfaces().toList()) {
            for (InetAddress address : network.inetAddresses().filter(a -> !a.isLoopbackAddress()).toList()) {
                assertThrows(IOException.class, () -> new Socket(address, server.url().getPort()).close());
            }
        }
    }
}
