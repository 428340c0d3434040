package gerbil.kernels;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Sequences with a shared prefix, as a question's answers have it, read as one: the tokens that they share,
 * once, then the rest of each, which sees what is shared and itself.
 *
 * @param members indices of the sequences
 * @param shared tokens with which each begins; all tokens of one that is alone
 * @param tokens of all members
 */
record WindowGroup(List<Integer> members, int shared, int tokens) {

    /** Tokens of a group: its attention's mask takes the square of them in memory. */
    private static final int LONGEST = 2_048;
    /** A token's multiplications in a layer's products, divided by the square of the width. */
    private static final long PRODUCTS = 14;
    /** And in its attention, for each token that may be seen, divided by the width. */
    private static final long ATTENTION = 2;

    /**
     * Each sequence in a group that costs less than its members would one by one.
     *
     * @param width of the model
     */
    static List<WindowGroup> of(List<int[]> sequences, int width) {
        List<Integer> sorted = IntStream.range(0, sequences.size()).boxed()
                .sorted((a, b) -> Arrays.compare(sequences.get(a), sequences.get(b))).toList();
        List<WindowGroup> groups = new ArrayList<>();
        for (int first = 0; first < sorted.size(); first += groups.get(groups.size() - 1).members.size()) {
            int[] begin = sequences.get(sorted.get(first));
            WindowGroup group = new WindowGroup(sorted.subList(first, first + 1), begin.length, begin.length);
            for (int end = first + 2; end <= sorted.size(); end++) {
                int[] next = sequences.get(sorted.get(end - 1));
                WindowGroup alone = new WindowGroup(sorted.subList(end - 1, end), next.length, next.length);
                int differs = Arrays.mismatch(begin, next);
                WindowGroup larger = new WindowGroup(sorted.subList(first, end),
                        differs < 0 ? group.shared : Math.min(group.shared, differs), group.tokens + next.length);
                if (larger.length() > LONGEST || larger.cost(width) >= group.cost(width) + alone.cost(width)) {
                    break;
                }
                group = larger;
            }
            groups.add(group);
        }
        return groups;
    }

    boolean isAlone() {
        return members.size() == 1;
    }

    /** Of the one sequence, in tokens. */
    int length() {
        return tokens - (members.size() - 1) * shared;
    }

    /** Of a group a token is multiplied with all, seen or not. */
    private long cost(int width) {
        long seen = isAlone() ? (length() + 1) / 2 : length();
        return length() * (PRODUCTS * width + ATTENTION * seen);
    }
}
