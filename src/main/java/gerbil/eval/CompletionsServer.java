package gerbil.eval;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.tokenizer.Tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A model behind OpenAI's completions interface ({@code POST /v1/completions}, {@code GET /v1/models}) on the loopback
 * address, for lm-evaluation-harness's {@code local-completions} and other local clients. Prompts are texts or token
 * ids; log-probabilities and echo are offered.
 *
 * <p>What a request can take is bounded: a body of 1 MiB, 65,536 tokens, {@value #WORKERS} requests at a time, {@value
 * #WAITING} waiting (more are told 503), and {@value #REQUEST_SECONDS} seconds to arrive. A request that is not
 * understood is answered with 400 and the reason.
 */
public final class CompletionsServer implements AutoCloseable {

    static final int LARGEST_BODY = 1 << 20;
    static final int WORKERS = 64;
    static final int WAITING = 256;
    static final int REQUEST_SECONDS = 60;

    /** Of a body that is too large, so much is read away, so that the client hears the reason. */
    private static final int DISCARDED = 1 << 24;
    private static final String COMPLETIONS = "/v1/completions";
    /** There is one, whatever a request calls it. */
    private static final String MODEL = "gerbil";
    private static final String MODELS = "/v1/models";
    private static final ObjectMapper JSON = new ObjectMapper();

    static {
        // read once by the JDK's server: seconds in which a request has to be read; and that an answer's body is sent
        // without waiting for the client to acknowledge its headers, which takes 40 ms
        System.getProperties().putIfAbsent("sun.net.httpserver.maxReqTime", String.valueOf(REQUEST_SECONDS));
        System.getProperties().putIfAbsent("sun.net.httpserver.nodelay", "true");
    }

    private final Completions completions;
    private final HttpServer server;
    private final ThreadPoolExecutor workers;
    private final AtomicLong requests = new AtomicLong();

    private CompletionsServer(Completions completions, int port) throws IOException {
        this.completions = completions;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), WAITING);
        workers = new ThreadPoolExecutor(WORKERS, WORKERS, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>(),
                Executors.defaultThreadFactory());
        server.setExecutor(workers);
        server.createContext("/", this::handle);
        server.start();
    }

    /**
     * Starts serving.
     *
     * @param port 0 for any that is free
     * @throws GerbilException if there is no such port or it is taken
     */
    public static CompletionsServer start(GptJ model, Tokenizer tokenizer, int port) {
        if (port < 0 || port > 65_535) {
            throw new GerbilException("port " + port, "0 to 65535", "choose one, or 0 for any that is free");
        }
        try {
            return new CompletionsServer(new Completions(model, tokenizer), port);
        } catch (IOException e) {
            throw new GerbilException("port " + port + " cannot be listened on (" + e.getMessage() + ")", "a free port",
                    "choose another, or 0 for any", e);
        }
    }

    /** Where completions are asked for: lm-evaluation-harness's {@code base_url}. */
    public URI url() {
        return URI.create("http://" + server.getAddress().getAddress().getHostAddress() + ":"
                + server.getAddress().getPort() + COMPLETIONS);
    }

    /** Stops at once. */
    @Override
    public void close() {
        server.stop(0);
        workers.shutdownNow();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            Reply reply;
            try {
                reply = reply(exchange);
            } catch (GerbilException e) {
                reply = Reply.error(400, e.getMessage());
            } catch (RuntimeException | StackOverflowError e) {
                reply = Reply.error(500, "Found: a failure inside (" + e + "). Expected: none. To do: report it.");
            }
            byte[] body = JSON.writeValueAsBytes(reply.body);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            exchange.sendResponseHeaders(reply.status, body.length);
            exchange.getResponseBody().write(body);
        }
    }

    private record Reply(int status, Object body) {

        static Reply error(int status, String message) {
            return new Reply(status, Map.of("error", Map.of("message", message, "type",
                    status < 500 ? "invalid_request_error" : "server_error")));
        }
    }

    private Reply reply(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        String method = exchange.getRequestMethod();
        if (workers.getQueue().size() > WAITING) {
            return Reply.error(503, "Found: more than " + WAITING
                    + " requests waiting. Expected: fewer. To do: try again "
                    + "later, with fewer at a time.");
        }
        if (path.equals(MODELS) && method.equals("GET")) {
            return new Reply(200, Map.of("object", "list", "data", List.of(Map.of("id", MODEL, "object", "model"))));
        }
        if (!path.equals(COMPLETIONS)) {
            return Reply.error(404, "Found: " + path + ". Expected: " + COMPLETIONS + " or " + MODELS
                    + ". To do: use one of them.");
        }
        if (!method.equals("POST")) {
            exchange.getResponseHeaders().set("Allow", "POST");
            return Reply.error(405, "Found: " + method + ". Expected: POST. To do: post a JSON object.");
        }
        try (InputStream in = exchange.getRequestBody()) {
            byte[] body = in.readNBytes(LARGEST_BODY + 1);
            if (body.length > LARGEST_BODY) {
                discard(in, body);
                return Reply.error(413, "Found: a body of more than " + LARGEST_BODY
                        + " bytes. Expected: fewer. To do: send "
                        + "the prompts in several requests.");
            }
            return complete(completions.parse(body));
        }
    }

    /** Not by skip, which this stream leaves to the connection's, past the end of the body. */
    private static void discard(InputStream in, byte[] buffer) throws IOException {
        for (int done = 0; done < DISCARDED && in.readNBytes(buffer, 0, buffer.length) == buffer.length; ) {
            done += buffer.length;
        }
    }

    private Reply complete(CompletionRequest request) {
        List<Completions.Choice> choices = completions.answer(request);
        return new Reply(200, Map.of("id", "cmpl-" + requests.incrementAndGet(), "object", "text_completion", "created",
                Instant.now().getEpochSecond(), "model", MODEL, "choices", choices));
    }
}
