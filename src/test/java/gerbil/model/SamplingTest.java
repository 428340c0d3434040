package gerbil.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Ids 0 to 4 with probabilities 0.1, 0.4, 0.05, 0.15, 0.3. */
class SamplingTest {

    private static final double[] PROBABILITIES = {0.1, 0.4, 0.05, 0.15, 0.3};
    private static final int DRAWS = 20_000;

    private static Map<Integer, Long> draw(Sampling sampling) {
        float[] logits = new float[PROBABILITIES.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) Math.log(PROBABILITIES[i]) + 3;
        }
        SplittableRandom random = new SplittableRandom(9);
        return IntStream.range(0, DRAWS).mapToObj(i -> sampling.draw(logits, random.nextDouble()))
                .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
    }

    /** Each share within five standard deviations. */
    private static void assertShares(Map<Integer, Double> expected, Sampling sampling) {
        Map<Integer, Long> drawn = draw(sampling);
        assertEquals(expected.keySet(), drawn.keySet());
        expected.forEach((id, p) ->
                assertEquals(p, drawn.get(id) / (double) DRAWS, 5 * Math.sqrt(p * (1 - p) / DRAWS), "id " + id));
    }

    @Test
    void zeroTemperatureTakesTheLikeliest() {
        assertEquals(Set.of(1), draw(Sampling.GREEDY).keySet());
        assertEquals(Set.of(1), draw(new Sampling(1e-9, 0, 1)).keySet());
    }

    @Test
    void unitTemperatureDrawsTheModelsDistribution() {
        assertShares(Map.of(0, 0.1, 1, 0.4, 2, 0.05, 3, 0.15, 4, 0.3), new Sampling(1, 0, 1));
    }

    @Test
    void temperatureDividesTheLogits() {
        double all = 0.01 + 0.16 + 0.0025 + 0.0225 + 0.09;
        assertShares(Map.of(0, 0.01 / all, 1, 0.16 / all, 2, 0.0025 / all, 3, 0.0225 / all, 4, 0.09 / all),
                new Sampling(0.5, 0, 1));
    }

    @Test
    void topKKeepsTheLikeliest() {
        assertShares(Map.of(1, 0.4 / 0.85, 3, 0.15 / 0.85, 4, 0.3 / 0.85), new Sampling(1, 3, 1));
        assertEquals(Set.of(1), draw(new Sampling(1, 1, 1)).keySet());
        assertEquals(Set.of(0, 1, 2, 3, 4), draw(new Sampling(1, 99, 1)).keySet());
    }

    @Test
    void topPKeepsTheFewestThatReachIt() {
        assertEquals(Set.of(1), draw(new Sampling(1, 0, 0.39)).keySet());
        assertEquals(Set.of(1, 4), draw(new Sampling(1, 0, 0.41)).keySet());
        assertEquals(Set.of(1, 4), draw(new Sampling(1, 0, 0.69)).keySet());
        assertShares(Map.of(1, 0.4 / 0.85, 3, 0.15 / 0.85, 4, 0.3 / 0.85), new Sampling(1, 0, 0.71));
        assertEquals(Set.of(1), draw(new Sampling(1, 0, 1e-12)).keySet());
    }

    /** Of the two likeliest, 0.4 and 0.3, the first alone has 0.57 of the probability. */
    @Test
    void topPCountsWhatTopKHasKept() {
        assertEquals(Set.of(1), draw(new Sampling(1, 2, 0.55)).keySet());
        assertEquals(Set.of(1, 4), draw(new Sampling(1, 2, 0.6)).keySet());
    }
}
