package gerbil.corpus;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A file of many documents. */
interface RecordFile {

    /** Text that a block of one has, at least, before it ends. */
    int BLOCK_BYTES = 4 << 20;

    /** The largest document that is read; a longer one is a defect. */
    int LARGEST_DOCUMENT = 1 << 27;

    /**
     * The parts that can be read independently, in the file's order.
     *
     * @throws BadFile if that cannot be told
     */
    List<Part> parts(long seed);

    /**
     * @param id unique within the corpus
     */
    record Part(String id, Slice slice) {
    }

    /** So many bytes of a file, from the buffer's beginning. */
    static ByteBuffer read(FileChannel channel, long position, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw new EOFException("it ends early");
            }
        }
        return buffer.flip();
    }

    /** How a file of this name is read, unless it is a text. */
    static Optional<RecordFile> of(Path path, String name) {
        if (name.endsWith(".jsonl")) {
            return Optional.of(new PlainJsonLines(path, name));
        }
        if (name.endsWith(".jsonl.gz") || name.endsWith(".jsonl.zst")) {
            return Optional.of(new CompressedJsonLines(path, name));
        }
        return name.endsWith(".parquet") ? Optional.of(new ParquetFile(path, name)) : Optional.empty();
    }
}
