package gerbil.notebook;

import gerbil.spec.StepMetrics;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Loss by tokens, or by something else, with few enough points to draw: each is the mean of as many consecutive steps
 * as that takes, which also evens out the noise of single batches.
 */
record LossCurve(double[] x, double[] loss) {

    private static final int MOST_POINTS = 400;

    /** By tokens. */
    static LossCurve of(List<StepMetrics> steps) {
        return of(steps, steps.stream().mapToDouble(StepMetrics::tokens).toArray());
    }

    /**
     * @param x what to draw by, at the end of each step
     */
    static LossCurve of(List<StepMetrics> steps, double[] x) {
        int perPoint = (steps.size() + MOST_POINTS - 1) / MOST_POINTS;
        int[] ends = IntStream.iterate(perPoint, end -> end < steps.size() + perPoint, end -> end + perPoint)
                .map(end -> Math.min(end, steps.size())).toArray();
        return new LossCurve(IntStream.of(ends).mapToDouble(end -> x[end - 1]).toArray(),
                IntStream.range(0, ends.length).mapToDouble(i -> mean(steps.subList(i * perPoint, ends[i]))).toArray());
    }

    static double mean(List<StepMetrics> steps) {
        return steps.stream().mapToDouble(StepMetrics::loss).average().orElse(Double.NaN);
    }
}
