package gerbil.tokens;

import gerbil.base.GerbilException;
import gerbil.base.Sha256;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;

/**
 * A finished shard. Its file is read and not mapped, since pages of a mapped file count as the process's memory, and
 * not through a channel, which an interrupted thread would close for all. Safe for use by many threads.
 */
final class ShardReader {

    private static final String PREPARE_AGAIN = "delete the folder and prepare the tokens again";

    private final Path path;
    private final String sha256;
    private RandomAccessFile file; // once verified; closed when it is no longer reachable

    /**
     * @throws GerbilException if the file is missing or of another length
     */
    ShardReader(Path path, TokenSetManifest.Shard shard) {
        this.path = path;
        sha256 = shard.sha256();
        if (!Files.isRegularFile(path)) {
            throw new GerbilException("no shard " + path, "a file of " + shard.bytes() + " bytes", PREPARE_AGAIN);
        }
        try {
            if (Files.size(path) != shard.bytes() || shard.bytes() != Short.BYTES * shard.tokens()) {
                throw new GerbilException(path + " has " + Files.size(path) + " bytes",
                        shard.bytes() + " bytes for " + shard.tokens() + " tokens", PREPARE_AGAIN);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path path() {
        return path;
    }

    /**
     * Puts the ids from {@code first} on into {@code count} places of {@code destination} from {@code place} on. Before
     * it is first read from, the checksum is verified.
     *
     * @throws GerbilException if the checksum is wrong
     */
    void read(int first, int[] destination, int place, int count) {
        byte[] bytes = new byte[Short.BYTES * count];
        synchronized (this) {
            try {
                if (file == null) {
                    file = verified();
                }
                file.seek((long) Short.BYTES * first);
                file.readFully(bytes);
            } catch (IOException e) {
                throw new UncheckedIOException("could not read " + path, e);
            }
        }
        ByteBuffer ids = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = place; i < place + count; i++) {
            destination[i] = Short.toUnsignedInt(ids.getShort());
        }
    }

    private RandomAccessFile verified() throws IOException {
        RandomAccessFile opened = new RandomAccessFile(path.toFile(), "r");
        MessageDigest digest = Sha256.begin();
        byte[] buffer = new byte[1 << 16];
        for (int n = opened.read(buffer); n >= 0; n = opened.read(buffer)) {
            digest.update(buffer, 0, n);
        }
        String actual = Sha256.hex(digest);
        if (!actual.equals(sha256)) {
            opened.close();
            throw new GerbilException(path + " has SHA-256 " + actual, "SHA-256 " + sha256, PREPARE_AGAIN);
        }
        return opened;
    }
}
