package gerbil.objective;

import java.util.SplittableRandom;

/** The numbers from 0 in an order of their own for each seed and epoch. */
final class ShuffledOrder {

    private ShuffledOrder() {
    }

    static int[] of(int count, long seed, long epoch) {
        SplittableRandom random = new SplittableRandom(seed * 1_000_003 + epoch);
        int[] numbers = new int[count];
        for (int i = 0; i < numbers.length; i++) {
            int j = random.nextInt(i + 1);
            numbers[i] = numbers[j];
            numbers[j] = i;
        }
        return numbers;
    }
}
