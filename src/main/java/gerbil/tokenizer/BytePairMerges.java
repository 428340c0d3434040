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
        Map<String, Integer> ranks = new HashMap<>();
        List<String> merges = new ArrayList<>();
        for (String token : tokens) {
            if (token.length() > 1) {
                merges.add(String.join(" ", split(token, ranks)));
            }
            ranks.put(token, ranks.size());
        }
        return merges;
    }

    private static List<String> split(String token, Map<String, Integer> ranks) {
        List<String> parts = new ArrayList<>(token.chars().mapToObj(Character::toString).toList());
        while (parts.size() > 2) {
            int best = -1;
            int bestRank = Integer.MAX_VALUE;
            for (int i = 0; i + 1 < parts.size(); i++) {
                int rank = ranks.getOrDefault(parts.get(i) + parts.get(i + 1), Integer.MAX_VALUE);
                if (rank < bestRank) {
                    best = i;
                    bestRank = rank;
                }
            }
            if (best < 0) {
                throw new IllegalStateException("no merge makes the token " + token);
            }
            parts.set(best, parts.get(best) + parts.remove(best + 1));
        }
        return parts;
    }
}
