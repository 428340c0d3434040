package gerbil.corpus;

import gerbil.base.WholeFile;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * From 64-bit keys to the number of the first document that had them, in a file of pages that the system caches: the
 * process itself keeps one page, however many entries there are. Open addressing; the file doubles when it is 60% full.
 * Bytes an entry: 20 to 40. Not thread-safe.
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

    /**
     * @param entries in the file, at most
     * @throws GerbilException if the file cannot be one that has them
     */
    DiskHashTable(Path file, long entries) throws IOException {
        this(file, entries, FIRST_BITS);
    }

    private DiskHashTable(Path file, long entries, int bitsOfNew) throws IOException {
        this.file = file;
        this.entries = entries;
        channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        if (channel.size() == 0 && entries == 0) {
            channel.write(ByteBuffer.allocate(1), ((long) PAGE << bitsOfNew) - 1);
        }
        bits = 63 - Long.numberOfLeadingZeros(channel.size() / PAGE);
        DuplicateIndex.requireWhole(bits >= FIRST_BITS && channel.size() == (long) PAGE << bits, file);
    }

    /** The document that has the key since before {@code document}, or -1; then {@code document} has it. */
    int putIfAbsent(long key, int document) throws IOException {
        if (entries + 1 > FULL * SLOTS * (1L << bits)) {
            grow();
        }
        long page = key >>> Long.SIZE - bits;
        int slot = (int) Long.remainderUnsigned(key, SLOTS);
        for (long looked = 0; looked <= 1L << bits; looked++) {
            ByteBuffer slots = RecordFile.read(channel, page * PAGE, PAGE);
            for (; slot < SLOTS; slot++) {
                int found = slots.getInt(slot * SLOT + Long.BYTES) - 1;
                if (found < 0) {
                    entries++;
                } else if (slots.getLong(slot * SLOT) != key) {
                    continue;
                } else if (found < document) {
                    return found;
                }
                DuplicateIndex.write(channel, ByteBuffer.allocate(SLOT).putLong(key).putInt(document + 1).flip(),
                        page * PAGE + slot * SLOT);
                return -1;
            }
            page = page + 1 & (1L << bits) - 1;
            slot = 0;
        }
        throw DuplicateIndex.damaged(file); // which is full
    }

    /** Pages are chosen by a key's first bits, so those of one page go to two neighbours. */
    private void grow() throws IOException {
        WholeFile.write(file, this::writeLarger);
        channel.close();
        channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
        bits++;
    }

    private void writeLarger(Path next) throws IOException {
        try (DiskHashTable larger = new DiskHashTable(next, 0, bits + 1)) {
            for (long page = 0; page < 1L << bits; page++) {
                ByteBuffer slots = RecordFile.read(channel, page * PAGE, PAGE);
                for (int slot = 0; slot < SLOTS; slot++) {
                    int document = slots.getInt(slot * SLOT + Long.BYTES) - 1;
                    if (document >= 0) {
                        larger.putIfAbsent(slots.getLong(slot * SLOT), document);
                    }
                }
            }
            entries = larger.entries;
        }
    }

    void flush() throws IOException {
        channel.force(false);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
