package gerbil.tokenizer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the merge that made each token of a byte-pair encoding, given only its tokens in order: encoded with the merges
 * before its own, a token falls into exactly the two parts that its merge joined.
 */
final class BytePairMerges {

    private BytePairMerges() {
    }

    /**
     * @param tokens in the byte alphabet: the 256 single bytes, then one token for each merge, in order
     * @return of each token from the 257th its two parts with a space between, as in {@code merges.txt}
     */
    static List<String> of(List<String> tokens) {
        Map<String, Integer> bytes = new HashMap<>();
        Map<Long, Integer> merged = new HashMap<>();
        List<String> merges = new ArrayList<>();
        for (int id = 0; id < tokens.size(); id++) {
            String token = tokens.get(id);
            if (token.length() == 1) {
                bytes.put(token, id);
                continue;
            }
            int[] parts = token.chars().map(c -> bytes.get(Character.toString(c))).toArray();
            for (int length = parts.length; length > 2; length--) {
                mergeFirst(parts, length, merged, token);
            }
            merges.add(tokens.get(parts[0]) + " " + tokens.get(parts[1]));
            merged.put(pair(parts[0], parts[1]), id);
        }
        return merges;
    }

    /** Joins, of the first {@code length} parts, the two neighbours that were merged first. */
    private static void mergeFirst(int[] parts, int length, Map<Long, Integer> merged, String token) {
        int best = -1;
        int bestId = Integer.MAX_VALUE;
        for (int i = 0; i + 1 < length; i++) {
            int id = merged.getOrDefault(pair(parts[i], parts[i + 1]), Integer.MAX_VALUE);
            if (id < bestId) {
                best = i;
                bestId = id;
            }
        }
        if (best < 0) {
            throw new IllegalStateException("no merge makes the token " + token);
        }
        parts[best] = bestId;
        System.arraycopy(parts, best + 2, parts, best + 1, length - best - 2);
    }

    private static long pair(int left, int right) {
        return (long) left << Integer.SIZE | right;
    }
}
