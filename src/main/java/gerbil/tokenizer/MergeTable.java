package gerbil.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The merges of a vocabulary as a hash table from two neighbours' ids to the id of both. Immutable. */
final class MergeTable {

    /** What two tokens that do not merge give: larger than any id. */
    static final int NONE = Integer.MAX_VALUE;

    private final int[] pairs;
    private final int[] merged;
    private final int mask;
    private final char[] byteIds = new char[256];

    /**
     * @param tokens the 256 single bytes, then one token for each merge
     * @param merges in order, so that a lower id is an earlier merge
     */
    MergeTable(List<byte[]> tokens, List<BytePairMerges.Merge> merges) {
        int capacity = Integer.highestOneBit(Math.max(4, merges.size())) << 2;
        mask = capacity - 1;
        pairs = new int[capacity];
        merged = new int[capacity];
        Arrays.fill(merged, NONE);
        Map<String, Integer> ids = new HashMap<>();
        for (int id = 0; id < 256 + merges.size(); id++) {
            ids.put(new String(tokens.get(id), StandardCharsets.ISO_8859_1), id);
        }
        for (int id = 0; id < 256; id++) {
            byteIds[tokens.get(id)[0] & 0xFF] = (char) id;
        }
        for (int i = 0; i < merges.size(); i++) {
            put(ids.get(new String(merges.get(i).left(), StandardCharsets.ISO_8859_1)),
                    ids.get(new String(merges.get(i).right(), StandardCharsets.ISO_8859_1)), 256 + i);
        }
    }

    private void put(int left, int right, int id) {
        int slot = slot(left << 16 | right);
        while (merged[slot] != NONE) {
            slot = slot + 1 & mask;
        }
        pairs[slot] = left << 16 | right;
        merged[slot] = id;
    }

    private int slot(int pair) {
        int hash = pair * 0x9E3779B1;
        return (hash ^ hash >>> 15) & mask;
    }

    /** The id of two neighbours merged, which is also the merge's rank, or {@link #NONE}. */
    int merged(int left, int right) {
        int pair = left << 16 | right;
        int slot = slot(pair);
        while (merged[slot] != NONE) {
            if (pairs[slot] == pair) {
                return merged[slot];
            }
            slot = slot + 1 & mask;
        }
        return NONE;
    }

    /** The id of a single byte. */
    int ofByte(byte value) {
        return byteIds[value & 0xFF];
    }
}
