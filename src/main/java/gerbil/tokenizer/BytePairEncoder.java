package gerbil.tokenizer;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Byte-pair encoding (Sennrich et al. 2016, section 3.2; over bytes as in Radford et al. 2019, section 2.2). Most words
 * of a text have been seen a moment before, so the ids of short words are remembered in a table of fixed size, in which
 * a newcomer takes the place of what was there. Not thread-safe.
 */
final class BytePairEncoder {

    /** A run of one kind of character that is longer than this is encoded in pieces; text has none. */
    static final int LONGEST_WORD = 1 << 20;

    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int SLOT_BITS = 15;
    private static final int REMEMBERED_BYTES = 16;
    private static final int REMEMBERED_IDS = 8;
    private static final int SHORT_WORD = 48;

    private final MergeTable merges;
    /** A slot: 16 bytes of the word, 8 ids of 16 bits; and beside it the numbers of both. */
    private final long[] remembered = new long[4 << SLOT_BITS];
    private final short[] lengths = new short[1 << SLOT_BITS];
    private int[] ids = new int[SHORT_WORD];
    private int[] ranks = new int[SHORT_WORD];

    BytePairEncoder(MergeTable merges) {
        this.merges = merges;
    }

    /**
     * Appends the ids of a text.
     *
     * @param text well-formed UTF-8
     */
    void encode(byte[] text, IdBuffer out) {
        Words words = new Words(text);
        for (int start = 0; start < text.length; ) {
            int end = words.end(start);
            if (end - start > LONGEST_WORD) {
                end = characterAt(text, start + LONGEST_WORD);
            }
            if (end - start <= REMEMBERED_BYTES) {
                encodeShort(text, start, end - start, out);
            } else {
                encodeLong(text, start, end - start, out);
            }
            start = end;
        }
    }

    private static int characterAt(byte[] text, int at) {
        return (text[at] & 0xC0) == 0x80 ? characterAt(text, at - 1) : at;
    }

    private void encodeShort(byte[] text, int start, int length, IdBuffer out) {
        if (length == 1) {
            out.add(merges.ofByte(text[start]));
            return;
        }
        long low = bytes(text, start, Math.min(length, 8));
        long high = length > 8 ? bytes(text, start + 8, length - 8) : 0;
        long mixed = (low ^ Long.rotateLeft(high, 29) * 0xC2B2AE3D27D4EB4FL ^ length) * 0x9E3779B97F4A7C15L;
        int slot = (int) (mixed >>> 64 - SLOT_BITS);
        int at = slot << 2;
        if (remembered[at] != low || remembered[at + 1] != high || lengths[slot] >> 8 != length) {
            int count = merge(text, start, length);
            if (count > REMEMBERED_IDS) {
                add(count, out);
                return;
            }
            remember(slot, low, high, length, count);
        }
        int count = lengths[slot] & 0xFF;
        for (int i = 0; i < count; i++) {
            out.add((int) (remembered[at + 2 + (i >> 2)] >>> 16 * (i & 3)) & 0xFFFF);
        }
    }

    private void remember(int slot, long low, long high, int length, int count) {
        int at = slot << 2;
        remembered[at] = low;
        remembered[at + 1] = high;
        remembered[at + 2] = 0;
        remembered[at + 3] = 0;
        for (int i = 0; i < count; i++) {
            remembered[at + 2 + (i >> 2)] |= (long) ids[i] << 16 * (i & 3);
        }
        lengths[slot] = (short) (length << 8 | count);
    }

    private static long bytes(byte[] text, int start, int count) {
        if (start + Long.BYTES <= text.length) {
            return (long) LONGS.get(text, start) & -1L >>> 64 - 8 * count;
        }
        long value = 0;
        for (int i = 0; i < count; i++) {
            value |= (text[start + i] & 0xFFL) << 8 * i;
        }
        return value;
    }

    private void encodeLong(byte[] text, int start, int length, IdBuffer out) {
        if (length <= SHORT_WORD) {
            add(merge(text, start, length), out);
        } else {
            new LongWord(merges, text, start, length).encode(out);
        }
    }

    private void add(int count, IdBuffer out) {
        for (int i = 0; i < count; i++) {
            out.add(ids[i]);
        }
    }

    /** Leaves the word's ids at the beginning of {@link #ids}; returns how many. */
    private int merge(byte[] text, int start, int length) {
        for (int i = 0; i < length; i++) {
            ids[i] = merges.ofByte(text[start + i]);
        }
        for (int i = 0; i + 1 < length; i++) {
            ranks[i] = merges.merged(ids[i], ids[i + 1]);
        }
        int count = length;
        while (count > 1) {
            int best = 0;
            for (int i = 1; i + 1 < count; i++) {
                best = ranks[i] < ranks[best] ? i : best;
            }
            if (ranks[best] == MergeTable.NONE) {
                break;
            }
            ids[best] = ranks[best];
            count--;
            System.arraycopy(ids, best + 2, ids, best + 1, count - best - 1);
            System.arraycopy(ranks, best + 1, ranks, best, count - best - 1);
            if (best + 1 < count) {
                ranks[best] = merges.merged(ids[best], ids[best + 1]);
            }
            if (best > 0) {
                ranks[best - 1] = merges.merged(ids[best - 1], ids[best]);
            }
        }
        return count;
    }
}
