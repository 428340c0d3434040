package gerbil.corpus;

import gerbil.base.WholeFile;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/**
 * From 64-bit keys to the number of the first document that had them, in a file of pages that the system caches: the
 * process itself keeps two pages, however many entries there are. Open addressing; the file doubles when it is 60%
 * full. Bytes an entry: 20 to 40. Not thread-safe.
 *
 * <p>After a stop the file may hold entries of documents that will be added again. These have numbers from the next
 * document's on, and are taken for absent.
 */
final class DiskHashTable implements AutoCloseable {

    private static final int PAGE = 4_096;
    private static final int SLOT = Long.BYTES + Integer.BYTES;
    private static final int SLOTS = PAGE / SLOT;
    private static final int FIRST_BITS = 8;
    private static final double FULL = 0.6;

    private final Path file;
    private FileChannel channel;
    private int bits;
    private long entries;
    private final ByteBuffer[] pages = {ByteBuffer.allocate(PAGE), ByteBuffer.allocate(PAGE)};
    private final long[] held = {-1, -1};
    private final boolean[] changed = new boolean[2];

    /**
     * @param entries in the file, at most
     */
    DiskHashTable(Path file, long entries) throws IOException {
        this.file = file;
        this.entries = entries;
        channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        bits = channel.size() == 0 ? FIRST_BITS : 63 - Long.numberOfLeadingZeros(channel.size() / PAGE);
        if (channel.size() == 0) {
            sized(channel, bits);
        }
    }

    private static void sized(FileChannel channel, int bits) throws IOException {
        channel.write(ByteBuffer.allocate(1), ((long) PAGE << bits) - 1);
    }

    /** The document that has the key since before {@code document}, or -1; then {@code document} has it. */
    int putIfAbsent(long key, int document) throws IOException {
        if (entries + 1 > FULL * SLOTS * (1L << bits)) {
            grow();
        }
        long page = key >>> Long.SIZE - bits;
        int slot = (int) Long.remainderUnsigned(key, SLOTS);
        while (true) {
            ByteBuffer buffer = page(page);
            for (; slot < SLOTS; slot++) {
                int found = buffer.getInt(slot * SLOT + Long.BYTES) - 1;
                if (found < 0) {
                    entries++;
                } else if (buffer.getLong(slot * SLOT) != key) {
                    continue;
                } else if (found < document) {
                    return found;
                }
                buffer.putLong(slot * SLOT, key).putInt(slot * SLOT + Long.BYTES, document + 1);
                changed[(int) (page & 1)] = true;
                return -1;
            }
            page = page + 1 & (1L << bits) - 1;
            slot = 0;
        }
    }

    private ByteBuffer page(long page) throws IOException {
        int place = (int) (page & 1);
        if (held[place] != page) {
            write(place);
            held[place] = -1;
            ByteBuffer buffer = pages[place].clear();
            while (buffer.hasRemaining()) {
                if (channel.read(buffer, page * PAGE + buffer.position()) < 0) {
                    throw new IOException(file + " is cut off");
                }
            }
            held[place] = page;
        }
        return pages[place];
    }

    private void write(int place) throws IOException {
        if (changed[place]) {
            ByteBuffer buffer = pages[place].clear();
            while (buffer.hasRemaining()) {
                channel.write(buffer, held[place] * PAGE + buffer.position());
            }
            changed[place] = false;
        }
    }

    /** Pages are chosen by a key's first bits, so those of one page go to two neighbours. */
    private void grow() throws IOException {
        flush();
        WholeFile.write(file, this::writeLarger);
        channel.close();
        channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
        bits++;
        Arrays.fill(held, -1);
    }

    private void writeLarger(Path next) throws IOException {
        try (DiskHashTable larger = new DiskHashTable(next, 0, bits + 1)) {
            ByteBuffer page = ByteBuffer.allocate(PAGE);
            for (long i = 0; i < 1L << bits; i++) {
                page.clear();
                while (page.hasRemaining()) {
                    channel.read(page, i * PAGE + page.position());
                }
                for (int slot = 0; slot < SLOTS; slot++) {
                    int document = page.getInt(slot * SLOT + Long.BYTES) - 1;
                    if (document >= 0) {
                        larger.putIfAbsent(page.getLong(slot * SLOT), document);
                    }
                }
            }
            larger.flush();
            entries = larger.entries;
        }
    }

    private DiskHashTable(Path file, long entries, int bits) throws IOException {
        this.file = file;
        this.entries = entries;
        this.bits = bits;
        channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        sized(channel, bits);
    }

    void flush() throws IOException {
        write(0);
        write(1);
        channel.force(false);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
