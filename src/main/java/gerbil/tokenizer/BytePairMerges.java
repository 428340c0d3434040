package gerbil.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the merge that made each token of a byte-pair encoding, given only its tokens in order: encoded with the merges
 * before its own, a token falls into exactly the two parts that its merge joined.
 */
final class BytePairMerges {

    private final Map<String, Integer> ranks = new HashMap<>();

    private BytePairMerges() {
    }

    /** One merge: the two tokens' bytes. */
    record Merge(byte[] left, byte[] right) {

        /** As a line of {@code merges.txt}: the two tokens in the byte alphabet, with a space between them. */
        String spelled() {
            return ByteAlphabet.spell(left) + " " + ByteAlphabet.spell(right);
        }
    }

    /**
     * @param tokens the 256 single bytes, then one token for each merge, in order
     * @return one merge for each token from the 257th
     */
    static List<Merge> of(List<byte[]> tokens) {
        BytePairMerges bpe = new BytePairMerges();
        List<Merge> merges = new ArrayList<>(tokens.size() - 256);
        for (byte[] token : tokens) {
            String bytes = latin1(token);
            if (token.length > 1) {
                merges.add(bpe.split(bytes));
            }
            bpe.ranks.put(bytes, bpe.ranks.size());
        }
        return merges;
    }

    private Merge split(String token) {
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
                throw new IllegalStateException("no merge makes the token " + ByteAlphabet.spell(bytes(token)));
            }
            parts.set(best, parts.get(best) + parts.remove(best + 1));
        }
        return new Merge(bytes(parts.get(0)), bytes(parts.get(1)));
    }

    private static String latin1(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static byte[] bytes(String latin1) {
        return latin1.getBytes(StandardCharsets.ISO_8859_1);
    }
}
