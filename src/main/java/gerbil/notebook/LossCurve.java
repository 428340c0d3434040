package gerbil.notebook;

import gerbil.spec.StepMetrics;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Loss by tokens with few enough points to draw: each is the mean of as many consecutive steps as that takes, which
 * also evens out the noise of single batches.
 */
record LossCurve(double[] tokens, double[] loss) {

    private static final int MOST_POINTS = 400;

    static LossCurve of(List<StepMetrics> steps) {
        int perPoint = (steps.size() + MOST_POINTS - 1) / MOST_POINTS;
        List<List<StepMetrics>> points = IntStream.iterate(0, from -> from < steps.size(), from -> from + perPoint)
                .mapToObj(from -> steps.subList(from, Math.min(from + perPoint, steps.size()))).toList();
        return new LossCurve(
                points.stream().mapToDouble(point -> point.get(point.size() - 1).tokens()).toArray(),
                points.stream().mapToDouble(LossCurve::mean).toArray());
    }

    static double mean(List<StepMetrics> steps) {
        return steps.stream().mapToDouble(StepMetrics::loss).average().orElse(Double.NaN);
    }
}
