package gerbil.corpus;

import gerbil.base.DiskFull;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Fetches a file over HTTPS: where the connection was lost, it goes on (RFC 9110, section 14), in this process or a
 * later one. The file gets its name when it is whole and its checksum, if one is known, is right.
 */
final class Download implements Web.Exchange<Void> {

    private static final int BUFFER = 1 << 16;

    private final Web web;
    private final RemoteFile file;
    private final Path target;
    private final Path part;
    private final Path validator;

    /**
     * @param folder where the file is kept under its name
     */
    Download(Web web, RemoteFile file, Path folder) {
        this.web = web;
        this.file = file;
        target = folder.resolve(file.name());
        part = target.resolveSibling(target.getFileName() + ".part");
        validator = target.resolveSibling(target.getFileName() + ".part.etag");
    }

    /**
     * Returns when the file is there. One that was there is read for its checksum, and fetched again if it is wrong.
     *
     * @throws GerbilException if it cannot be had, is another than the checksum says, or the disk is full; what has
     *     arrived is kept
     */
    void run() throws InterruptedException {
        try {
            if (Files.exists(target) && isRight(target)) {
                return;
            }
            Folders.create(target.toAbsolutePath().getParent());
            fetch();
            if (!isRight(part)) {
                Files.delete(part);
                fetch();
                requireRight();
            }
            WholeFile.rename(part, target);
            Files.deleteIfExists(validator);
        } catch (IOException e) {
            throw DiskFull.explain(e, target.toAbsolutePath().getParent(), "a part of " + file.uri(), "the whole file");
        }
    }

    private boolean isRight(Path path) throws IOException {
        return file.sha256().isEmpty() || file.sha256().get().equals(Sha256.hex(path));
    }

    private void requireRight() throws IOException {
        if (!isRight(part)) {
            String actual = Sha256.hex(part);
            Files.delete(part);
            throw new GerbilException(file.uri() + " has SHA-256 " + actual, "SHA-256 " + file.sha256().orElseThrow(),
                    "check the list of files, and where it comes from");
        }
    }

    private void fetch() throws IOException, InterruptedException {
        try {
            web.ask(file.uri(), this);
        } catch (Web.Refused e) {
            throw new GerbilException(file.uri() + " cannot be fetched (" + e.getMessage() + "), " + have()
                    + " bytes are here", "the file", e.isGated() ? Web.OPEN_THE_GATE
                    : "check the address and the network, then run this again: it goes on where it stopped", e);
        }
    }

    @Override
    public String what() {
        return file.name();
    }

    @Override
    public long have() throws IOException {
        return Files.exists(part) ? Files.size(part) : 0;
    }

    @Override
    public Map<String, String> headers() throws IOException {
        Map<String, String> headers = new HashMap<>();
        boolean isKnown = Files.exists(validator);
        if (have() > 0 && (isKnown || file.sha256().isPresent())) {
            headers.put("Range", "bytes=" + have() + "-");
            if (isKnown) {
                headers.put("If-Range", Files.readString(validator));
            }
        }
        return headers;
    }

    @Override
    public Void take(HttpResponse<?> response, InputStream body) throws IOException {
        String range = response.headers().firstValue("Content-Range").orElse("");
        switch (response.statusCode()) {
            case 200 -> {
                rememberValidator(response);
                write(body, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.CREATE);
            }
            case 206 -> {
                requireGoingOn(range.startsWith("bytes " + have() + "-"), range);
                write(body, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
            }
            default -> requireGoingOn(range.equals("bytes */" + have()), range);
        }
        return null;
    }

    private void requireGoingOn(boolean isNext, String range) throws IOException {
        if (!isNext) {
            String message = "bytes from " + have() + " were asked for and came '" + range + "'";
            Files.deleteIfExists(part);
            throw new Web.Lost(message, null);
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

    private void write(InputStream body, OpenOption... how) throws IOException {
        try (FileChannel channel = FileChannel.open(part, how)) {
            byte[] buffer = new byte[BUFFER];
            for (int count = body.read(buffer); count >= 0; count = body.read(buffer)) {
                ByteBuffer data = ByteBuffer.wrap(buffer, 0, count);
                while (data.hasRemaining()) {
                    channel.write(data);
                }
            }
            channel.force(true);
        }
    }
}
