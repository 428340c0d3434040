package gerbil.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class WindowGroupTest {

    private static final int WIDTH = 64;

    /** So many tokens from a number on, then others. */
    private static int[] sequence(int from, int tokens, int... rest) {
        return IntStream.concat(IntStream.range(from, from + tokens), IntStream.of(rest)).toArray();
    }

    private static Set<Set<Integer>> members(List<int[]> sequences) {
        return WindowGroup.of(sequences, WIDTH).stream().map(group -> Set.copyOf(group.members()))
                .collect(Collectors.toSet());
    }

    @Test
    void answersToAQuestionShareIt() {
        List<int[]> sequences = List.of(sequence(0, 50, 7, 1), sequence(100, 20), sequence(0, 50, 8), sequence(200, 9, 7),
                sequence(0, 50), sequence(100, 20), sequence(0, 50, 7, 2, 3), sequence(200, 9, 8));
        assertEquals(Set.of(Set.of(0, 2, 4, 6), Set.of(1, 5), Set.of(3, 7)), members(sequences));
        WindowGroup question = WindowGroup.of(sequences, WIDTH).get(0);
        assertEquals(50, question.shared());
        assertEquals(50 + 2 + 1 + 3, question.length());
    }

    @Test
    void aGroupHasAnEnd() {
        List<int[]> answers = IntStream.range(0, 1_000).mapToObj(i -> sequence(0, 500, 1_000 + i, 1, 2)).toList();
        List<WindowGroup> groups = WindowGroup.of(answers, 10_000);
        assertEquals(List.of(516, 484), groups.stream().map(group -> group.members().size()).toList());
        assertEquals(500 + 3 * 516, groups.get(0).length());
    }

    @Test
    void whatSharesLittleIsReadAlone() {
        assertEquals(Set.of(Set.of(0), Set.of(1), Set.of(2)), members(List.of(sequence(0, 1, 5),
                sequence(0, 1, sequence(300, 900)), sequence(0, 1, sequence(400, 900)))));
        WindowGroup alone = WindowGroup.of(List.of(sequence(0, 30)), WIDTH).get(0);
        assertEquals(30, alone.shared());
        assertEquals(30, alone.length());
        assertEquals(List.of(), WindowGroup.of(List.of(), WIDTH));
    }
}
