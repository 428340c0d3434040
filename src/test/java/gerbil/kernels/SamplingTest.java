package gerbil.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The kernel that draws a token, from ids 0 to 4 with probabilities 0.1, 0.4, 0.05, 0.15, 0.3. */
class SamplingTest {

    private static final double[] PROBABILITIES = {0.1, 0.4, 0.05, 0.15, 0.3};
    private static final int DRAWS = 20_000;
    /** In so many the rarest is missed once in 10^22 times. */
    private static final int ENOUGH_FOR_EACH = 1_000;

    private static Set<Long> drawn(Sampling sampling) {
        return draw(sampling, ENOUGH_FOR_EACH).keySet();
    }

    private static Map<Long, Long> draw(Sampling sampling, int draws) {
        SplittableRandom random = new SplittableRandom(9);
        try (NDManager manager = NDManager.newBaseManager(); Kernels kernels = Kernels.load(manager)) {
            NDArray logits = manager.create(PROBABILITIES).log().add(3).toType(DataType.FLOAT32, false)
                    .broadcast(draws, PROBABILITIES.length);
            NDArray drawn = kernels.call("draw", false, new Kernels.Arguments().add(logits)
                    .add(kernels.numbers(random.doubles(draws).toArray())).add(kernels.numbers(0,
                            sampling.temperature(), sampling.topK(), sampling.topP()))).singletonOrThrow();
            return Arrays.stream(drawn.toLongArray()).boxed()
                    .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
        }
    }

    /** Each share within five standard deviations. */
    private static void assertShares(Map<Long, Double> expected, Sampling sampling) {
        Map<Long, Long> drawn = draw(sampling, DRAWS);
        assertEquals(expected.keySet(), drawn.keySet());
        expected.forEach((id, p) ->
                assertEquals(p, drawn.get(id) / (double) DRAWS, 5 * Math.sqrt(p * (1 - p) / DRAWS), "id " + id));
    }

    @Test
    void zeroTemperatureTakesTheLikeliest() {
        assertEquals(Set.of(1L), drawn(Sampling.GREEDY));
        assertEquals(Set.of(1L), drawn(new Sampling(1e-9, 0, 1)));
    }

    @Test
    void unitTemperatureDrawsTheModelsDistribution() {
        assertShares(Map.of(0L, 0.1, 1L, 0.4, 2L, 0.05, 3L, 0.15, 4L, 0.3), new Sampling(1, 0, 1));
    }

    @Test
    void temperatureDividesTheLogits() {
        double all = 0.01 + 0.16 + 0.0025 + 0.0225 + 0.09;
        assertShares(Map.of(0L, 0.01 / all, 1L, 0.16 / all, 2L, 0.0025 / all, 3L, 0.0225 / all, 4L, 0.09 / all),
                new Sampling(0.5, 0, 1));
    }

    @Test
    void topKKeepsTheLikeliest() {
        assertShares(Map.of(1L, 0.4 / 0.85, 3L, 0.15 / 0.85, 4L, 0.3 / 0.85), new Sampling(1, 3, 1));
        assertEquals(Set.of(1L), drawn(new Sampling(1, 1, 1)));
        assertEquals(Set.of(0L, 1L, 2L, 3L, 4L), drawn(new Sampling(1, 99, 1)));
    }

    @Test
    void topPKeepsTheFewestThatReachIt() {
        assertEquals(Set.of(1L), drawn(new Sampling(1, 0, 0.39)));
        assertEquals(Set.of(1L, 4L), drawn(new Sampling(1, 0, 0.41)));
        assertEquals(Set.of(1L, 4L), drawn(new Sampling(1, 0, 0.69)));
        assertShares(Map.of(1L, 0.4 / 0.85, 3L, 0.15 / 0.85, 4L, 0.3 / 0.85), new Sampling(1, 0, 0.71));
        assertEquals(Set.of(1L), drawn(new Sampling(1, 0, 1e-12)));
    }

    /** Of the two likeliest, 0.4 and 0.3, the first alone has 0.57 of the probability. */
    @Test
    void topPCountsWhatTopKHasKept() {
        assertEquals(Set.of(1L), drawn(new Sampling(1, 2, 0.55)));
        assertEquals(Set.of(1L, 4L), drawn(new Sampling(1, 2, 0.6)));
    }

    /** Of 20,000 entries, of which more than a few thousand have to be sorted or do not. */
    @ParameterizedTest
    @ValueSource(doubles = {0.02, 0.5, 3})
    void topPOfManyEntriesIsThatOfAllSorted(double spread) {
        int entries = 20_000;
        double topP = 0.9;
        SplittableRandom random = new SplittableRandom(2);
        float[] logits = new float[entries];
        for (int i = 0; i < entries; i++) {
            logits[i] = (float) (spread * random.nextGaussian());
        }
        double[] points = random.doubles(200).toArray();
        Integer[] order = IntStream.range(0, entries).boxed().sorted(Comparator.comparingDouble(i -> -logits[i]))
                .toArray(Integer[]::new);
        double all = Arrays.stream(order).mapToDouble(i -> Math.exp(logits[i])).sum();
        double[] sums = new double[entries];
        int kept = 0;
        for (double sum = 0; sum < topP; kept++) {
            sum += Math.exp(logits[order[kept]]) / all;
            sums[kept] = sum;
        }
        try (NDManager manager = NDManager.newBaseManager(); Kernels kernels = Kernels.load(manager)) {
            long[] drawn = kernels.call("draw", false, new Kernels.Arguments()
                    .add(manager.create(logits).broadcast(points.length, entries)).add(kernels.numbers(points))
                    .add(kernels.numbers(0, 1, 0, topP))).singletonOrThrow().toLongArray();
            for (int i = 0; i < points.length; i++) {
                int place = Arrays.binarySearch(sums, 0, kept, points[i] * sums[kept - 1]);
                assertEquals((long) order[place < 0 ? -1 - place : place], drawn[i], "of " + kept + " kept");
            }
        }
    }
}
