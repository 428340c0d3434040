package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.model.GptJ;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.SplittableRandom;

/** An endpoint that is asked over the network. A request has ten seconds to arrive. */
abstract class EndpointInUse {

    static final ObjectMapper JSON = new ObjectMapper();
    static final HttpClient CLIENT =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    static final String SCORE = ", \"max_tokens\": 1, \"temperature\": 0, \"logprobs\": 1, \"echo\": true}";

    static NDManager manager;
    static GptJ model;
    static CompletionsServer server;

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

    static HttpRequest.Builder request() {
        return HttpRequest.newBuilder(server.url()).timeout(Duration.ofMinutes(1))
                .header("Content-Type", "application/json");
    }

    static HttpResponse<String> post(byte[] body) throws IOException, InterruptedException {
        return CLIENT.send(request().POST(HttpRequest.BodyPublishers.ofByteArray(body)).build(),
                HttpResponse.BodyHandlers.ofString());
    }

    static JsonNode choices(String body) throws IOException, InterruptedException {
        HttpResponse<String> response = post(body.getBytes(StandardCharsets.UTF_8));
        assertEquals(200, response.statusCode(), response.body());
        return JSON.readTree(response.body()).get("choices");
    }

    static int[] ids(int count, int seed) {
        return new SplittableRandom(seed).ints(count, 0, SomeModel.VOCABULARY.size()).toArray();
    }

    static Socket connect(CompletionsServer server, String begin) throws IOException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.url().getPort());
        socket.getOutputStream().write(begin.getBytes(StandardCharsets.UTF_8));
        return socket;
    }

    static String head(int length) {
        return "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Content-Length: " + length + "\r\n\r\n";
    }
}
