package gerbil.corpus;

import gerbil.base.DiskFull;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Fetches a file over HTTPS: where the connection was lost, it goes on (RFC 9110, section 14), in this process or a
 * later one. The file gets its name when it is whole and its checksum, if one is known, is right.
 */
final class Download {

    private static final int FAILURES = 8;
    private static final int BUFFER = 1 << 16;

    private final HttpClient client = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL)
            .connectTimeout(Duration.ofSeconds(30)).build();
    private final URI uri;
    private final Path target;
    private final Optional<String> sha256;
    private final Duration stalled;
    private final Duration firstPause;
    private final Path part;
    private final Path validator;

    /**
     * @param sha256 hexadecimal
     * @param stalled how long nothing may arrive
     * @param firstPause after a failure; each later one is twice as long, until something arrives
     */
    Download(URI uri, Path target, Optional<String> sha256, Duration stalled, Duration firstPause) {
        this.uri = uri;
        this.target = target;
        this.sha256 = sha256;
        this.stalled = stalled;
        this.firstPause = firstPause;
        part = target.resolveSibling(target.getFileName() + ".part");
        validator = target.resolveSibling(target.getFileName() + ".part.etag");
    }

    /**
     * Returns when the file is there.
     *
     * @throws GerbilException if it cannot be had, is another than the checksum says, or the disk is full; what has
     *     arrived is kept
     */
    void run() throws InterruptedException {
        try {
            if (Files.exists(target)) {
                return;
            }
            Folders.create(target.toAbsolutePath().getParent());
            fetch();
            if (!isRight()) {
                Files.delete(part);
                fetch();
                requireRight();
            }
            WholeFile.rename(part, target);
            Files.deleteIfExists(validator);
        } catch (IOException e) {
            throw DiskFull.explain(e, target.toAbsolutePath().getParent(), "a part of " + uri, "the whole file");
        }
    }

    private boolean isRight() throws IOException {
        return sha256.isEmpty() || sha256.get().equals(Sha256.hex(part));
    }

    private void requireRight() throws IOException {
        if (!isRight()) {
            String actual = Sha256.hex(part);
            Files.delete(part);
            throw new GerbilException(uri + " has SHA-256 " + actual, "SHA-256 " + sha256.orElseThrow(),
                    "check the list of files, and where it comes from");
        }
    }

    /** The server's answer does not let the file be had, now or ever. */
    private static final class Refused extends IOException {

        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    /** Failures of the connection, unlike those of the disk. */
    private static final class Lost extends IOException {

        private static final long serialVersionUID = 1;

        Lost(IOException cause) {
            super(cause.getMessage() == null ? cause.toString() : cause.getMessage(), cause);
        }
    }

    private void fetch() throws IOException, InterruptedException {
        int failures = 0;
        while (true) {
            long before = have();
            try {
                if (request()) {
                    return;
                }
            } catch (Refused e) {
                throw refusal(e);
            } catch (Lost e) {
                failures = have() > before ? 0 : failures + 1;
                if (failures == FAILURES) {
                    throw refusal(e);
                }
                Thread.sleep(Math.min(firstPause.toMillis() << failures, 60_000));
            }
        }
    }

    private GerbilException refusal(IOException e) throws IOException {
        return new GerbilException(uri + " cannot be fetched (" + e.getMessage() + "), " + have() + " bytes are here",
                "the file", "check the address and the network, then run this again: it goes on where it stopped", e);
    }

    private long have() throws IOException {
        return Files.exists(part) ? Files.size(part) : 0;
    }

    /** Whether the file has come to its end; otherwise the next request begins anew. */
    private boolean request() throws IOException, InterruptedException {
        long have = have();
        HttpRequest.Builder request = HttpRequest.newBuilder(uri).timeout(stalled);
        boolean sameFile = sha256.isPresent() || Files.exists(validator);
        if (have > 0 && sameFile) {
            request.header("Range", "bytes=" + have + "-");
            if (Files.exists(validator)) {
                request.header("If-Range", Files.readString(validator));
            }
        }
        HttpResponse<InputStream> response;
        try {
            response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        } catch (IOException e) {
            throw new Lost(e);
        }
        try (InputStream body = response.body()) {
            return switch (response.statusCode()) {
                case 200 -> {
                    rememberValidator(response);
                    write(body, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.CREATE);
                    yield true;
                }
                case 206 -> {
                    String range = response.headers().firstValue("Content-Range").orElse("");
                    if (!range.startsWith("bytes " + have + "-")) {
                        Files.deleteIfExists(part);
                        throw new Lost(
                                new IOException("bytes from " + have + " were asked for and came '" + range + "'"));
                    }
                    write(body, StandardOpenOption.APPEND);
                    yield true;
                }
                case 416 -> {
                    String range = response.headers().firstValue("Content-Range").orElse("");
                    if (range.equals("bytes */" + have)) {
                        yield true;
                    }
                    Files.deleteIfExists(part);
                    yield false;
                }
                case 408, 429, 500, 502, 503, 504 ->
                        throw new Lost(new IOException("status " + response.statusCode()));
                default -> throw new Refused("status " + response.statusCode());
            };
        }
    }

    private void rememberValidator(HttpResponse<?> response) throws IOException {
        Optional<String> tag = response.headers().firstValue("ETag").filter(t -> !t.startsWith("W/"));
        if (tag.isPresent()) {
            Files.writeString(validator, tag.get());
        } else {
            Files.deleteIfExists(validator);
        }
    }

    private void write(InputStream body, StandardOpenOption... how) throws IOException {
        StandardOpenOption[] options = java.util.stream.Stream.concat(java.util.stream.Stream.of(how),
                java.util.stream.Stream.of(StandardOpenOption.WRITE)).toArray(StandardOpenOption[]::new);
        try (FileChannel channel = FileChannel.open(part, options)) {
            byte[] buffer = new byte[BUFFER];
            for (int count = read(body, buffer); count >= 0; count = read(body, buffer)) {
                ByteBuffer data = ByteBuffer.wrap(buffer, 0, count);
                while (data.hasRemaining()) {
                    channel.write(data);
                }
            }
            channel.force(true);
        }
    }

    /** A lost network may leave a read waiting for ever: closing the stream ends it. */
    private int read(InputStream body, byte[] buffer) throws IOException {
        CompletableFuture<Void> watch = new CompletableFuture<Void>()
                .completeOnTimeout(null, stalled.toMillis(), TimeUnit.MILLISECONDS);
        watch.thenRun(() -> {
            try {
                body.close();
            } catch (IOException e) {
                // the reader is told by its own exception
            }
        });
        try {
            return body.read(buffer);
        } catch (IOException e) {
            throw new Lost(e);
        } finally {
            watch.cancel(false);
        }
    }
}
