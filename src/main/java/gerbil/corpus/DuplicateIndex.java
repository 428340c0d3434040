package gerbil.corpus;

import gerbil.base.Folders;
import gerbil.base.GerbilException;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * Finds each document's duplicates among those before it. Near duplicates are found by MinHash and locality-sensitive
 * hashing (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4): {@value #BANDS} bands of
 * {@value #ROWS} rows, so that a pair of similarity 0.87 is looked at with a chance of 96%, and then compared by all
 * {@value Fingerprint#BINS} values, of 8 bits each. In each band a document is compared with the first that shares it.
 * Whether a document counts as a duplicate depends on those before it alone, be they duplicates or not.
 *
 * <p>Everything lies in three files, so that memory does not grow. Bytes a document on disk, besides its id's: exact
 * duplicates 28 to 48, near ones 316 to 496.
 */
public final class DuplicateIndex implements AutoCloseable {

    /** Of near duplicates: the estimated Jaccard similarity, as was reported for the Pile's deduplication. */
    public static final double SIMILARITY = 0.87;

    static final int BANDS = 8;
    static final int ROWS = 8;
    private static final double BY_CHANCE = 1.0 / 256;
    private static final int BUFFER = 1 << 16;

    private final Path folder;
    private final boolean near;
    private final int recordBytes;
    private final FileChannel log;
    private final FileChannel ids;
    private final DiskHashTable table;
    private final ByteBuffer unwritten = ByteBuffer.allocate(BUFFER);
    private int documents;
    private long idBytes;

    /**
     * A document and an earlier one that it is a duplicate of.
     *
     * @param similarity estimated; 1 for exact duplicates
     */
    public record Duplicate(String document, String of, boolean exact, double similarity) {
    }

    /**
     * @param folder where its files are
     * @param kind exact or near
     * @param documents how many of those in the files count, the rest being of a run that was stopped
     * @throws GerbilException if the files cannot be those of so many
     */
    public DuplicateIndex(Path folder, Deduplication kind, int documents) throws IOException {
        this.folder = folder;
        near = kind == Deduplication.NEAR;
        recordBytes = Long.BYTES + (near ? Fingerprint.BINS : 0);
        this.documents = documents;
        Folders.create(folder);
        log = open(folder.resolve("documents.bin"));
        ids = open(folder.resolve("ids.bin"));
        requireWhole(log.size() >= (long) documents * recordBytes, folder);
        log.truncate((long) documents * recordBytes);
        idBytes = documents == 0 ? 0 : endOfId(documents - 1);
        requireWhole(idBytes >= 0 && idBytes <= ids.size(), folder);
        ids.truncate(idBytes);
        table = new DiskHashTable(folder.resolve("table.bin"), (long) documents * (near ? BANDS + 1 : 1));
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    /** Documents added so far. */
    public int documents() {
        return documents;
    }

    /** Adds the next document; the first that it is a duplicate of, if it is one. */
    public Optional<Duplicate> add(String id, Fingerprint fingerprint) throws IOException {
        byte[] signature = signature(fingerprint);
        long[] keys = keys(fingerprint, near ? Deduplication.NEAR : Deduplication.EXACT);
        Optional<Duplicate> duplicate = Optional.empty();
        for (int i = 0; i < keys.length; i++) {
            int first = table.putIfAbsent(keys[i], documents);
            if (first >= 0 && duplicate.isEmpty()) {
                double similarity = i == 0 ? 1
                        : similarity(signature, record(first, Long.BYTES, Fingerprint.BINS).array());
                duplicate = similarity < SIMILARITY ? duplicate
                        : Optional.of(new Duplicate(id, id(first), i == 0, similarity));
            }
        }
        append(id, signature);
        return duplicate;
    }

    /** The keys by which duplicates are found: that of exact ones, and one a band if near ones count. */
    public static long[] keys(Fingerprint fingerprint, Deduplication kind) {
        long[] keys = new long[kind == Deduplication.NONE ? 0 : kind == Deduplication.EXACT ? 1 : 1 + BANDS];
        for (int i = 0; i < keys.length; i++) {
            keys[i] = i == 0 ? Fingerprint.mix(fingerprint.exact() + 1) : key(fingerprint.minima(), i - 1);
        }
        return keys;
    }

    /** Documents that share a band's key share {@value #ROWS} minima. */
    private static long key(long[] minima, int band) {
        long key = band;
        for (int row = band * ROWS; row < (band + 1) * ROWS; row++) {
            key = Fingerprint.mix(key ^ minima[row]) + row;
        }
        return Fingerprint.mix(key);
    }

    /** What documents are compared by: 8 bits of each minimum; nothing if near duplicates do not count. */
    public static byte[] signature(Fingerprint fingerprint) {
        long[] minima = fingerprint.minima() == null ? new long[0] : fingerprint.minima();
        byte[] signature = new byte[minima.length];
        for (int i = 0; i < minima.length; i++) {
            signature[i] = (byte) Fingerprint.mix(minima[i]);
        }
        return signature;
    }

    /** Whether two documents' signatures make them near duplicates. */
    public static boolean isNear(byte[] one, byte[] other) {
        return similarity(one, other) >= SIMILARITY;
    }

    /** Estimated Jaccard similarity: the share of equal values, less those that are equal by chance. */
    static double similarity(byte[] one, byte[] other) {
        int equal = 0;
        for (int i = 0; i < one.length; i++) {
            equal += one[i] == other[i] ? 1 : 0;
        }
        return Math.max(0, ((double) equal / one.length - BY_CHANCE) / (1 - BY_CHANCE));
    }

    private void append(String id, byte[] signature) throws IOException {
        byte[] name = id.getBytes(StandardCharsets.UTF_8);
        write(ids, ByteBuffer.wrap(name), idBytes);
        idBytes += name.length;
        if (unwritten.remaining() < recordBytes) {
            writeRecords();
        }
        unwritten.putLong(idBytes).put(signature);
        documents++;
    }

    private void writeRecords() throws IOException {
        long position = (long) documents * recordBytes - unwritten.position();
        write(log, unwritten.flip(), position);
        unwritten.clear();
    }

    static void write(FileChannel channel, ByteBuffer data, long position) throws IOException {
        long at = position;
        while (data.hasRemaining()) {
            at += channel.write(data, at);
        }
    }

    private ByteBuffer record(int document, int offset, int length) throws IOException {
        if ((long) (document + 1) * recordBytes > (long) documents * recordBytes - unwritten.position()) {
            writeRecords();
        }
        return RecordFile.read(log, (long) document * recordBytes + offset, length);
    }

    private long endOfId(int document) throws IOException {
        return record(document, 0, Long.BYTES).getLong();
    }

    private String id(int document) throws IOException {
        long begin = document == 0 ? 0 : endOfId(document - 1);
        long end = endOfId(document);
        requireWhole(begin >= 0 && begin <= end && end <= idBytes, folder);
        return StandardCharsets.UTF_8.decode(RecordFile.read(ids, begin, Math.toIntExact(end - begin))).toString();
    }

    static void requireWhole(boolean whole, Path file) {
        if (!whole) {
            throw damaged(file);
        }
    }

    /** Between a stop and going on. */
    static GerbilException damaged(Path file) {
        return new GerbilException("an index of duplicates, " + file + ", that is not as it was written",
                "the files as they were", "delete the folder of the preparation, whose name ends with .partial, and "
                + "prepare the tokens anew");
    }

    /** Makes everything so far outlive this process. */
    public void flush() throws IOException {
        writeRecords();
        ids.force(false);
        log.force(false);
        table.flush();
    }

    @Override
    public void close() throws IOException {
        table.close();
        log.close();
        ids.close();
    }
}
