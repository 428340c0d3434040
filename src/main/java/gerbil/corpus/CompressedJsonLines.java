package gerbil.corpus;

import com.github.luben.zstd.ZstdInputStream;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.zip.GZIPInputStream;

/** A jsonl file in gzip or zstd, of one or several members or frames: one slice. */
final class CompressedJsonLines implements RecordFile {

    private static final int ZSTD_LARGEST_WINDOW = 31;

    private final Path path;
    private final String name;

    CompressedJsonLines(Path path, String name) {
        this.path = path;
        this.name = name;
    }

    @Override
    public List<Part> parts(long seed) {
        return List.of(new Part(name, new Whole(seed)));
    }

    private InputStream open() throws IOException {
        InputStream file = new BufferedInputStream(Files.newInputStream(path), 1 << 16);
        try {
            return name.endsWith(".gz") ? new Gzip(file)
                    : new ZstdInputStream(file).setLongMax(ZSTD_LARGEST_WINDOW);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    /** Java's own takes what follows a member and is not another one for the end of the file. */
    private static final class Gzip extends GZIPInputStream {

        private static final int TRAILER = 8;

        Gzip(InputStream in) throws IOException {
            super(in, 1 << 16);
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int count = super.read(buffer, offset, length);
            if (count < 0 && (inf.getRemaining() > TRAILER || in.read() >= 0)) {
                throw new IOException("something that is not gzip follows its data");
            }
            return count;
        }
    }

    private final class Whole implements Slice {

        private final long seed;

        Whole(long seed) {
            this.seed = seed;
        }

        @Override
        public Set<String> files() {
            return Set.of(name);
        }

        @Override
        public Blocks blocks() {
            try {
                return new Lines(open(), seed);
            } catch (IOException e) {
                throw new BadFile(name, 0, "cannot be opened (" + e.getMessage() + ")", e);
            }
        }
    }

    /** Cuts the stream after the first line that ends past {@link #BLOCK_BYTES}. */
    private final class Lines implements Slice.Blocks {

        private final InputStream in;
        private final long seed;
        private byte[] buffer = new byte[BLOCK_BYTES + (1 << 16)];
        private int filled;
        private long offset;
        private long line = 1;
        private boolean ended;
        private Block next;

        Lines(InputStream in, long seed) {
            this.in = in;
            this.seed = seed;
        }

        @Override
        public boolean hasNext() {
            if (next == null) {
                try {
                    next = cut();
                } catch (IOException e) {
                    throw new BadFile(name, line - 1, "is damaged or cut off (" + e.getMessage() + ")", e);
                }
            }
            return next != null;
        }

        @Override
        public Block next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            Block block = next;
            next = null;
            return block;
        }

        private Block cut() throws IOException {
            int end = 0;
            int searched = 0;
            while (true) {
                fill();
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
            end = end > 0 ? end : filled;
            return end == 0 ? null : block(end);
        }

        private void fill() throws IOException {
            while (!ended && filled < buffer.length) {
                int count = in.read(buffer, filled, buffer.length - filled);
                ended = count < 0;
                filled += Math.max(count, 0);
            }
        }

        private Block block(int end) {
            byte[] data = Arrays.copyOf(buffer, end);
            long firstLine = line;
            Block block = new JsonLines(name, offset, data, () -> firstLine, seed);
            for (byte b : data) {
                line += b == '\n' ? 1 : 0;
            }
            keepFrom(end);
            return block;
        }

        private void keepFrom(int end) {
            byte[] kept = new byte[Math.max(BLOCK_BYTES + (1 << 16), filled - end)];
            System.arraycopy(buffer, end, kept, 0, filled - end);
            buffer = kept;
            filled -= end;
            offset += end;
        }

        private Block discarded() throws IOException {
            Defect defect = new Defect(name, line, "is longer than " + LARGEST_DOCUMENT + " bytes");
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
            return new Defective(List.of(defect));
        }

        @Override
        public void close() {
            try {
                in.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private record Defective(List<Defect> defects) implements Block {

        @Override
        public long bytes() {
            return 0;
        }

        @Override
        public Content read() {
            return new Content(List.of(), new ArrayList<>(defects), 0);
        }
    }
}
