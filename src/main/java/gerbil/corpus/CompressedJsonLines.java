package gerbil.corpus;

import com.github.luben.zstd.ZstdBufferDecompressingStreamNoFinalizer;
import gerbil.base.Utf8;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/** A jsonl file in gzip or zstd, of one or several members or frames: one slice. */
record CompressedJsonLines(Path path, String name) implements RecordFile {

    private static final int ZSTD_LARGEST_WINDOW = 31;
    private static final int PIECE = 1 << 16;

    @Override
    public List<Part> parts(long seed) {
        return List.of(new Part(name, new Slice(Set.of(name), () -> blocks(seed))));
    }

    private Stream<Block> blocks(long seed) {
        try {
            Lines lines = new Lines(open(), seed);
            return Stream.generate(lines::cut).takeWhile(Objects::nonNull).onClose(lines::close);
        } catch (IOException e) {
            throw new BadFile(name, 0, "cannot be opened (" + e.getMessage() + ")", e);
        }
    }

    private InputStream open() throws IOException {
        InputStream file = new BufferedInputStream(Files.newInputStream(path), PIECE);
        try {
            return name.endsWith(".gz") ? new Gzip(file) : new Zstd(file);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    /**
     * Java's own takes what follows a member and is not another one for the end of the file. As gzip has it, that may
     * be zeros, with which archives and tapes fill their last block, and nothing else.
     */
    private static final class Gzip extends GZIPInputStream {

        private static final int TRAILER = 8;

        Gzip(InputStream in) throws IOException {
            super(in, PIECE);
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int count = super.read(buffer, offset, length);
            if (count < 0) {
                requireZeros(buf, Math.min(len, len - inf.getRemaining() + TRAILER), len);
                for (int more = in.read(buf); more > 0; more = in.read(buf)) {
                    requireZeros(buf, 0, more);
                }
            }
            return count;
        }

        private static void requireZeros(byte[] bytes, int from, int to) throws IOException {
            for (int i = from; i < to; i++) {
                if (bytes[i] != 0) {
                    throw new IOException("something that is not gzip follows its data");
                }
            }
        }
    }

    /** zstd-jni's own stream takes a file that is cut off in a frame after the first for a whole one. */
    private static final class Zstd extends InputStream {

        private final InputStream in;
        private final ZstdBufferDecompressingStreamNoFinalizer frames;
        private boolean exhausted;

        Zstd(InputStream in) throws IOException {
            this.in = in;
            frames = new ZstdBufferDecompressingStreamNoFinalizer(ByteBuffer.allocate(PIECE).limit(0)) {

                @Override
                protected ByteBuffer refill(ByteBuffer source) {
                    try {
                        int count = in.read(source.array());
                        exhausted = count < 0;
                        return source.clear().limit(Math.max(count, 0));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                }
            };
            frames.setLongMax(ZSTD_LARGEST_WINDOW);
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            int count = 0;
            while (count == 0) {
                count = read(one, 0, 1);
            }
            return count < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            if (!frames.hasRemaining()) {
                return -1;
            }
            try {
                int count = frames.read(ByteBuffer.wrap(buffer, offset, length));
                if (count == 0 && exhausted && frames.hasRemaining()) {
                    throw new EOFException("it ends within a frame");
                }
                return count;
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
        }

        @Override
        public void close() throws IOException {
            frames.close();
            in.close();
        }
    }

    /** Cuts the stream after the first line that ends past {@link #BLOCK_BYTES}. */
    private final class Lines {

        private final InputStream in;
        private final long seed;
        private byte[] buffer = new byte[BLOCK_BYTES + PIECE];
        private int filled;
        private long offset;
        private long line = 1;
        private boolean ended;
        /** Why the stream ended before its end. */
        private IOException failure;

        Lines(InputStream in, long seed) {
            this.in = in;
            this.seed = seed;
        }

        /** The next, or null. Of a stream that fails, all lines that came whole are blocks before that is told. */
        Block cut() {
            int end = 0;
            int searched = 0;
            while (true) {
                fill();
                requireUtf8();
                for (int i = filled; i > searched && end == 0; i--) {
                    end = buffer[i - 1] == '\n' ? i : 0;
                }
                searched = filled;
                if (end > 0 || ended) {
                    break;
                }
                if (filled > LARGEST_DOCUMENT) {
                    return discarded();
                }
                buffer = Arrays.copyOf(buffer, 2 * buffer.length);
            }
            if (end == 0 && failure != null) {
                throw new BadFile(name, line - 1, "is damaged or cut off (" + failure.getMessage() + ")", failure);
            }
            end = end > 0 ? end : filled;
            return end == 0 ? null : block(end);
        }

        private void fill() {
            try {
                while (!ended && filled < buffer.length) {
                    // in pieces, since what a read had before it failed is lost
                    int count = in.read(buffer, filled, Math.min(PIECE, buffer.length - filled));
                    ended = count < 0;
                    filled += Math.max(count, 0);
                }
            } catch (IOException e) {
                ended = true;
                failure = e;
            }
        }

        private void requireUtf8() {
            try {
                if (offset == 0) {
                    Utf8.requireNoOther(buffer);
                }
            } catch (Utf8.Malformed e) {
                throw new BadFile(name, 0, e.getMessage(), e);
            }
        }

        private Block block(int end) {
            byte[] data = Arrays.copyOf(buffer, end);
            long firstLine = line;
            Block block = new Block(end, new JsonLines(name, offset, data, () -> firstLine, seed)::read);
            for (byte b : data) {
                line += b == '\n' ? 1 : 0;
            }
            keepFrom(end);
            return block;
        }

        private void keepFrom(int end) {
            byte[] kept = new byte[Math.max(BLOCK_BYTES + PIECE, filled - end)];
            System.arraycopy(buffer, end, kept, 0, filled - end);
            buffer = kept;
            filled -= end;
            offset += end;
        }

        private Block discarded() {
            Defect defect = Defect.tooLong(name, line);
            while (true) {
                int lineFeed = 0;
                while (lineFeed < filled && buffer[lineFeed] != '\n') {
                    lineFeed++;
                }
                if (lineFeed < filled) {
                    line++;
                    keepFrom(lineFeed + 1);
                    break;
                }
                keepFrom(filled);
                if (ended) {
                    break;
                }
                fill();
            }
            return new Block(0, () -> new Block.Content(List.of(), List.of(defect), 0));
        }

        void close() {
            try {
                in.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
