package gerbil.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.tokenizer.Tokenizer;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpURI;
import org.eclipse.jetty.http.MimeTypes;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.QuietException;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.BufferUtil;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Promise;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A model behind OpenAI's completions interface ({@code POST /v1/completions}, {@code GET /v1/models}) on the loopback
 * address, for lm-evaluation-harness's {@code local-completions} and other local clients. Prompts are texts or token
 * ids; log-probabilities and echo are offered. Pages of other sites are refused, by the request's Host and Origin.
 *
 * <p>What clients can take is bounded: {@value #CONNECTIONS} connections (more wait to be taken); a body of 1 MiB;
 * 65,536 tokens a request; {@value #WAITING} requests that wait to be answered, and {@value #LARGEST_UNREAD} bytes of
 * answers that are not yet read (more are told 503). The head of a request has 30 seconds to arrive, its body 30 more;
 * 30 seconds after an answer began it has to be read and the head of the connection's next request to be there. Who
 * takes longer is hung up on. A request that is not understood is answered with 400 and the reason. A client that
 * closes its connection, even for sending alone, has left: what waits is not begun for it, and of what is begun at most
 * 32 tokens or one batch of the scoring are still computed.
 */
public final class CompletionsServer implements AutoCloseable {

    static final int LARGEST_BODY = 1 << 20;
    static final int CONNECTIONS = 256;
    static final int WAITING = 128;
    static final long LARGEST_UNREAD = 32L << 20;

    private static final Duration PATIENCE = Duration.ofSeconds(30);
    /** Of a body that is too large, so much is read away, so that the client hears the reason. */
    private static final long DISCARDED = 16L << 20;
    private static final int THREADS = 8;
    private static final String COMPLETIONS = "/v1/completions";
    private static final String MODELS = "/v1/models";
    /** There is one, whatever a request calls it. */
    private static final String MODEL = "gerbil";
    private static final Set<String> THIS_MACHINE = Set.of("localhost", "127.0.0.1", "[::1]");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Completions completions;
    private final Duration patience;
    private final HangUp hangUp;
    private final Server server;
    private final ServerConnector connector;
    private final ThreadPoolExecutor answering =
            new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING));
    private final AtomicLong requests = new AtomicLong();
    private final AtomicLong unread = new AtomicLong();

    CompletionsServer(GptJ model, Tokenizer tokenizer, int port, Duration patience) {
        if (port < 0 || port > 65_535) {
            throw new GerbilException("port " + port, "0 to 65535", "choose one, or 0 for any that is free");
        }
        this.completions = new Completions(model, tokenizer);
        this.patience = patience;
        server = new Server(new QueuedThreadPool(THREADS));
        HttpConfiguration http = new HttpConfiguration();
        http.setSendServerVersion(false);
        connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
        connector.setHost(InetAddress.getLoopbackAddress().getHostAddress());
        connector.setPort(port);
        connector.setIdleTimeout(0); // a byte now and then, which is not idle, takes no less of a connection
        hangUp = new HangUp(connector.getScheduler(), patience);
        connector.addBean(hangUp);
        server.addConnector(connector);
        server.addBean(new NetworkConnectionLimit(CONNECTIONS, connector));
        server.setHandler(new Handler.Abstract.NonBlocking() {

            @Override
            public boolean handle(Request request, Response response, Callback callback) {
                new Exchange(request, response, callback).handle();
                return true;
            }
        });
        try {
            server.start();
        } catch (Exception e) { // Jetty names no other
            close();
            throw new GerbilException("port " + port + " cannot be listened on (" + e.getMessage() + ")", "a free port",
                    "choose another, or 0 for any", e);
        }
    }

    /**
     * Starts serving.
     *
     * @param port 0 for any that is free
     * @throws GerbilException if there is no such port or it is taken
     */
    public static CompletionsServer start(GptJ model, Tokenizer tokenizer, int port) {
        return new CompletionsServer(model, tokenizer, port, PATIENCE);
    }

    /** Where completions are asked for: lm-evaluation-harness's {@code base_url}. */
    public URI url() {
        return URI.create("http://" + connector.getHost() + ":" + connector.getLocalPort() + COMPLETIONS);
    }

    /** Stops after the tokens at hand. */
    @Override
    public void close() {
        answering.shutdownNow();
        try {
            server.stop();
            answering.awaitTermination(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (Exception e) { // Jetty names no other
            throw new IllegalStateException(e);
        }
    }

    /** One request and what becomes of it; no thread waits for the client. */
    private final class Exchange {

        private final Request request;
        private final Response response;
        private final Callback callback;
        private final EndPoint client;

        Exchange(Request request, Response response, Callback callback) {
            this.request = request;
            this.response = response;
            this.callback = callback;
            this.client = request.getConnectionMetaData().getConnection().getEndPoint();
        }

        void handle() {
            hangUp.later(client);
            String path = Request.getPathInContext(request);
            if (!isOfThisMachine()) {
                refuse(403, "a request to or from another site", "one of this machine", "ask " + url());
            } else if (path.equals(MODELS) && request.getMethod().equals("GET")) {
                send(200, Map.of("object", "list", "data", List.of(Map.of("id", MODEL, "object", "model"))));
            } else if (!path.equals(COMPLETIONS)) {
                refuse(404, path, COMPLETIONS + " or " + MODELS, "use one of them");
            } else if (!request.getMethod().equals("POST")) {
                response.getHeaders().put(HttpHeader.ALLOW, "POST");
                refuse(405, request.getMethod(), "POST", "post a JSON object");
            } else if (!isJson()) {
                refuse(415, "Content-Type " + request.getHeaders().get(HttpHeader.CONTENT_TYPE), "application/json",
                        "send the request as that");
            } else if (request.getLength() > LARGEST_BODY) {
                discard();
            } else {
                CompletableFuture<byte[]> body = new CompletableFuture<>();
                Content.Source.asByteArrayAsync(Content.Source.from(request, 0, LARGEST_BODY + 1), LARGEST_BODY + 1,
                        Promise.Invocable.toPromise(body));
                body.whenComplete(this::received);
            }
        }

        /** A site whose name leads to this machine (DNS rebinding) has another Host, and its pages another Origin. */
        private boolean isOfThisMachine() {
            String origin = request.getHeaders().get(HttpHeader.ORIGIN);
            try {
                return THIS_MACHINE.contains(Request.getServerName(request))
                        && (origin == null || THIS_MACHINE.contains(String.valueOf(HttpURI.from(origin).getHost())));
            } catch (IllegalArgumentException e) {
                return false;
            }
        }

        /** No form of a page can send that without asking first. */
        private boolean isJson() {
            String type = request.getHeaders().get(HttpHeader.CONTENT_TYPE);
            return type != null && MimeTypes.Type.APPLICATION_JSON.is(MimeTypes.getContentTypeWithoutCharset(type));
        }

        private void discard() {
            Runnable tell = () -> refuse(413, "a body of more than " + LARGEST_BODY + " bytes", "fewer",
                    "send the prompts in several requests");
            if (request.getLength() > DISCARDED) {
                tell.run();
            } else {
                Content.Source.consumeAll(request, Callback.from(tell, callback::failed));
            }
        }

        private void received(byte[] body, Throwable failure) {
            if (failure != null) { // it left, or was hung up on: nothing to log
                callback.failed(new QuietException.Exception(failure));
            } else if (body.length > LARGEST_BODY) { // its length was not said before
                response.getHeaders().put(HttpHeader.CONNECTION, "close");
                refuse(413, "a body of more than " + LARGEST_BODY + " bytes", "fewer",
                        "send the prompts in several requests");
            } else {
                hangUp.not(client);
                try {
                    answering.execute(() -> answer(body));
                } catch (RejectedExecutionException e) {
                    refuse(503, "more than " + WAITING + " requests waiting", "fewer",
                            "try again later, with fewer at a time");
                }
            }
        }

        private void answer(byte[] body) {
            if (unread.get() > LARGEST_UNREAD) {
                refuse(503, unread + " bytes of answers that are not read", "at most " + LARGEST_UNREAD,
                        "read them, or try again later");
                return;
            }
            try {
                requireClient();
                Completions.Answer answer = completions.answer(completions.parse(body), this::requireClient);
                send(200, Map.of("id", "cmpl-" + requests.incrementAndGet(), "object", "text_completion", "created",
                        Instant.now().getEpochSecond(), "model", MODEL, "choices", answer.choices(), "usage",
                        answer.usage()));
            } catch (GerbilException e) {
                send(400, error("invalid_request_error", e.getMessage()));
            } catch (CancellationException e) {
                callback.failed(new QuietException.Exception(e));
            } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
                refuse(500, "a failure inside (" + e + ")", "none", "report it");
            }
        }

        /**
         * Jetty reads nothing between a request and its answer, and so does not see the connection's end. A byte that
         * is there instead began the next request, which the client then sends again on another connection.
         */
        private void requireClient() {
            int read;
            try {
                read = client.fill(BufferUtil.allocate(1));
            } catch (IOException e) {
                read = -1;
            }
            if (read < 0) {
                client.close();
                throw new CancellationException("the client has left");
            }
            if (read > 0) {
                response.getHeaders().put(HttpHeader.CONNECTION, "close");
            }
        }

        private void refuse(int status, String found, String expected, String toDo) {
            send(status, error(status < 500 ? "invalid_request_error" : "server_error",
                    new GerbilException(found, expected, toDo).getMessage()));
        }

        private static Map<String, ?> error(String type, String message) {
            return Map.of("error", Map.of("message", message, "type", type));
        }

        private void send(int status, Map<String, ?> content) {
            byte[] body;
            try {
                body = JSON.writeValueAsBytes(content);
            } catch (JsonProcessingException e) {
                throw new IllegalStateException(e);
            }
            response.setStatus(status);
            response.getHeaders().put(HttpHeader.CONTENT_TYPE, "application/json");
            response.getHeaders().put(HttpHeader.CONTENT_LENGTH, body.length);
            hangUp.later(client);
            unread.addAndGet(body.length);
            response.write(true, ByteBuffer.wrap(body),
                    Callback.from(callback, () -> unread.addAndGet(-body.length)));
        }
    }
}
