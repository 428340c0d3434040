package gerbil.corpus;

import gerbil.base.GerbilException;
import gerbil.base.Progress;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Asks addresses: through the environment's proxies, again where the connection was lost or the server says so, with a
 * word while nothing comes. The Hugging Face hub, at {@code HF_ENDPOINT}, is told the token in {@code HF_TOKEN}; no
 * other host is, wherever the hub redirects to.
 */
final class Web {

    /** What to do where {@link Refused#isGated}. */
    static final String OPEN_THE_GATE = "check its name; if it is a gated set of the hub, accept its conditions on its "
            + "page and set HF_TOKEN to a token of yours";

    private static final int FAILURES = 8;
    private static final int REDIRECTS = 10;
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);
    private static final Duration LONGEST_ASKED_PAUSE = Duration.ofMinutes(10);
    private static final Set<Integer> MOVED = Set.of(301, 302, 303, 307, 308);
    private static final Set<Integer> LATER = Set.of(408, 429, 500, 502, 503, 504);
    private static final String TUNNEL_SCHEMES = "jdk.http.auth.tunneling.disabledSchemes";

    static {
        // Java's default forbids the one scheme that proxies with a password commonly use; its client reads this once
        if (System.getProperty(TUNNEL_SCHEMES) == null) {
            System.setProperty(TUNNEL_SCHEMES, "");
        }
    }

    private final EnvironmentProxies proxies;
    private final HttpClient client;
    private final URI hub;
    private final Optional<String> token;
    private final Patience patience;
    private final Progress progress;

    /**
     * @param stalled how long nothing may arrive
     * @param firstPause after a failure; each later one is twice as long, until something arrives
     * @param word how long nothing arrives, or something does, until that is told
     */
    record Patience(Duration stalled, Duration firstPause, Duration word) {

        static final Patience DEFAULT =
                new Patience(Duration.ofMinutes(1), Duration.ofSeconds(1), Duration.ofSeconds(10));
    }

    /**
     * @param environment the process's variables
     * @throws GerbilException if one of them is no address
     */
    Web(Map<String, String> environment, Patience patience, Progress progress) {
        proxies = new EnvironmentProxies(environment);
        client = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(30)).proxy(proxies).build();
        hub = hub(environment.getOrDefault("HF_ENDPOINT", "https://huggingface.co"));
        token = Optional.ofNullable(environment.get("HF_TOKEN")).map(String::strip).filter(t -> !t.isEmpty());
        this.patience = patience;
        this.progress = progress;
    }

    private static URI hub(String endpoint) {
        try {
            URI uri = URI.create(endpoint.strip().replaceFirst("/+$", ""));
            if (uri.getHost() != null && Set.of("http", "https").contains(uri.getScheme())) {
                return uri;
            }
        } catch (IllegalArgumentException e) {
            // told below
        }
        throw new GerbilException("HF_ENDPOINT '" + endpoint + "'", "the hub's address, as https://huggingface.co",
                "set it that way, or unset it");
    }

    /** The address of the Hugging Face hub, without a slash at its end. */
    URI hub() {
        return hub;
    }

    /** What is asked, and what becomes of the answer. */
    interface Exchange<T> {

        /** What is fetched, in a word. */
        String what();

        default Map<String, String> headers() throws IOException {
            return Map.of();
        }

        /**
         * @param response of status 2xx or 416
         * @param body whose failures are {@link Lost}
         */
        T take(HttpResponse<?> response, InputStream body) throws IOException;

        /** Bytes that need not be asked for again. */
        default long have() throws IOException {
            return 0;
        }
    }

    /** The answers do not let this be had, or there was none, however often it was asked for. */
    static final class Refused extends IOException {

        private static final long serialVersionUID = 1;

        private final int status;

        private Refused(String message, int status, Throwable cause) {
            super(message, cause);
            this.status = status;
        }

        /** 0 where there was no answer. */
        int status() {
            return status;
        }

        /** Whether a token is missing, or does not open this. */
        boolean isGated() {
            return status == 401 || status == 403;
        }
    }

    /** A failure of the connection, unlike one of the disk: asking again may help. */
    static final class Lost extends IOException {

        private static final long serialVersionUID = 1;

        private final int status;
        private final Duration pause;

        Lost(String message, Throwable cause) {
            super(message, cause);
            status = 0;
            pause = Duration.ZERO;
        }

        private Lost(int status, HttpHeaders headers) {
            super(reason(status, headers));
            this.status = status;
            pause = headers.firstValue("Retry-After").filter(seconds -> seconds.matches("\\d{1,9}"))
                    .map(seconds -> Duration.ofSeconds(Long.parseLong(seconds))).orElse(Duration.ZERO);
        }
    }

    private static Lost lost(IOException e) {
        return e instanceof Lost known ? known : new Lost(e.getMessage() == null ? e.toString() : e.getMessage(), e);
    }

    /** The hub explains itself in a header. */
    private static String reason(int status, HttpHeaders headers) {
        return "status " + status + headers.firstValue("X-Error-Message").map(words -> ": " + words).orElse("");
    }

    /**
     * @throws Refused if it cannot be had
     * @throws IOException as the exchange does
     */
    <T> T ask(URI uri, Exchange<T> exchange) throws IOException, InterruptedException {
        int failures = 0;
        try (Ticker ticker = new Ticker(exchange.what(), uri.getHost(), patience.word(), progress)) {
            while (true) {
                long before = exchange.have();
                try {
                    return once(uri, exchange, ticker);
                } catch (Lost e) {
                    failures = exchange.have() > before ? 0 : failures + 1;
                    if (failures == FAILURES) {
                        throw new Refused(e.getMessage(), e.status, e);
                    }
                    ticker.trouble(e.getMessage());
                    Thread.sleep(pause(failures, e).toMillis());
                }
            }
        }
    }

    private Duration pause(int failures, Lost e) {
        Duration own = patience.firstPause().multipliedBy(1L << failures);
        Duration asked = e.pause.compareTo(LONGEST_ASKED_PAUSE) < 0 ? e.pause : LONGEST_ASKED_PAUSE;
        Duration kept = own.compareTo(LONGEST_PAUSE) < 0 ? own : LONGEST_PAUSE;
        return asked.compareTo(kept) > 0 ? asked : kept;
    }

    private <T> T once(URI uri, Exchange<T> exchange, Ticker ticker) throws IOException, InterruptedException {
        HttpResponse<InputStream> response = follow(uri, exchange.headers());
        try (InputStream body = new Body(response.body(), ticker)) {
            int status = response.statusCode();
            if (LATER.contains(status)) {
                throw new Lost(status, response.headers());
            }
            if (status / 100 != 2 && status != 416) {
                throw new Refused(reason(status, response.headers()), status, null);
            }
            return exchange.take(response, body);
        }
    }

    /** Not left to the client, which would tell the token to the host that it is sent to. */
    private HttpResponse<InputStream> follow(URI uri, Map<String, String> headers)
            throws IOException, InterruptedException {
        URI at = uri;
        for (int hops = 0; hops <= REDIRECTS; hops++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(at).timeout(patience.stalled());
            headers.forEach(request::header);
            // the client sends headers of this name to proxies alone
            proxies.authorization(at).ifPresent(user -> request.header("Proxy-Authorization", user));
            if (token.isPresent() && isHub(at)) {
                request.header("Authorization", "Bearer " + token.get());
            }
            HttpResponse<InputStream> response;
            try {
                response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            } catch (IOException e) {
                throw lost(e);
            }
            Optional<String> location = response.headers().firstValue("Location");
            if (location.isEmpty() || !MOVED.contains(response.statusCode())) {
                return response;
            }
            response.body().close();
            at = moved(at, location.get());
        }
        throw new Refused("more than " + REDIRECTS + " redirects", 0, null);
    }

    private static URI moved(URI from, String location) throws Refused {
        try {
            URI to = from.resolve(location);
            if (to.getHost() != null && ("https".equals(to.getScheme())
                    || "http".equals(to.getScheme()) && "http".equals(from.getScheme()))) {
                return to;
            }
        } catch (IllegalArgumentException e) {
            // told below
        }
        throw new Refused("a redirect to '" + location + "'", 0, null);
    }

    private boolean isHub(URI uri) {
        return uri.getScheme().equals(hub.getScheme()) && uri.getRawAuthority().equals(hub.getRawAuthority());
    }

    /** A lost network may leave a read waiting for ever: closing the stream ends it. */
    private final class Body extends FilterInputStream {

        private final Ticker ticker;

        Body(InputStream in, Ticker ticker) {
            super(in);
            this.ticker = ticker;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            CompletableFuture<Void> watch = new CompletableFuture<Void>()
                    .completeOnTimeout(null, patience.stalled().toMillis(), TimeUnit.MILLISECONDS);
            watch.thenRun(() -> {
                try {
                    in.close();
                } catch (IOException e) {
                    // the reader is told by its own exception
                }
            });
            try {
                int count = in.read(buffer, offset, length);
                ticker.heard(Math.max(count, 0));
                return count;
            } catch (IOException e) {
                throw lost(e);
            } finally {
                watch.cancel(false);
            }
        }
    }
}
