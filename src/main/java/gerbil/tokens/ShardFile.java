package gerbil.tokens;

import gerbil.base.Sha256;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;

/** A file of little-endian uint16 ids that is being written, with its checksum. Not thread-safe. */
final class ShardFile implements AutoCloseable {

    private static final int BUFFER_BYTES = 1 << 18;

    private final Path file;
    private final FileChannel channel;
    private final MessageDigest digest = Sha256.begin();
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private long tokens;

    /**
     * @param kept how many ids stay of those that the file has
     */
    ShardFile(Path file, long kept) throws IOException {
        this.file = file;
        tokens = kept;
        channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        channel.truncate(Short.BYTES * kept);
        while (channel.position() < Short.BYTES * kept) {
            if (channel.read(buffer) < 0) {
                close();
                throw new EOFException(file + " is shorter than it was");
            }
            digest.update(buffer.flip());
            buffer.clear();
        }
    }

    /** Ids so far. */
    long tokens() {
        return tokens;
    }

    void put(int id) throws IOException {
        if (!buffer.hasRemaining()) {
            write();
        }
        buffer.putShort((short) id);
        tokens++;
    }

    /**
     * Appends ids of another such file.
     *
     * @param first the first one's index
     * @param count how many
     */
    void copy(FileChannel from, long first, long count) throws IOException {
        long end = Short.BYTES * (first + count);
        for (long at = Short.BYTES * first; at < end; ) {
            if (!buffer.hasRemaining()) {
                write();
            }
            ByteBuffer room = buffer.slice(buffer.position(), (int) Math.min(buffer.remaining(), end - at));
            int read = from.read(room, at);
            if (read < 0) {
                throw new EOFException(file + " needs ids that are not there");
            }
            buffer.position(buffer.position() + read);
            at += read;
        }
        tokens += count;
    }

    /** Leaves nothing in memory. */
    void flush() throws IOException {
        write();
        channel.force(false);
    }

    private void write() throws IOException {
        buffer.flip();
        digest.update(buffer.duplicate());
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        buffer.clear();
    }

    /** Ends the file; the checksum of all that is in it. */
    String finish() throws IOException {
        write();
        channel.force(true);
        channel.close();
        return Sha256.hex(digest);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
