package gerbil.notebook;

import gerbil.spec.StepMetrics;
import org.apache.commons.math3.analysis.interpolation.LoessInterpolator;
import org.apache.commons.math3.stat.StatUtils;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Loss by tokens, or by something else, with few enough points to draw: each is the mean of as many consecutive steps
 * as that takes, which also evens out the noise of single batches.
 */
record LossCurve(double[] x, double[] loss) {

    private static final int MOST_POINTS = 400;
    /** Of the points, how many a smoothed one is fitted to; of a short curve at least as many. */
    private static final double WINDOW = 0.05;
    private static final int NARROWEST_WINDOW = 8;

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
        double[] means = IntStream.range(0, ends.length)
                .mapToDouble(i -> StepMetrics.meanLoss(steps.subList(i * perPoint, ends[i]))).toArray();
        int[] drawn = IntStream.range(0, means.length).filter(i -> Double.isFinite(means[i])).toArray();
        return new LossCurve(IntStream.of(drawn).mapToDouble(i -> x[ends[i] - 1]).toArray(),
                IntStream.of(drawn).mapToDouble(i -> means[i]).toArray());
    }

    /** The mean of several runs, as far as the shortest of them goes. */
    static LossCurve meanOf(List<LossCurve> runs) {
        return of(runs, 0);
    }

    /** What to draw faintly behind a line: of one run its curve; of several the outline of their mean ± deviation. */
    static LossCurve behind(List<LossCurve> runs) {
        if (runs.size() == 1) {
            return runs.get(0);
        }
        LossCurve low = of(runs, -1).smoothed();
        LossCurve high = of(runs, 1).smoothed();
        return new LossCurve(thereAndBack(high.x, low.x), thereAndBack(high.loss, low.loss));
    }

    private static double[] thereAndBack(double[] there, double[] back) {
        return DoubleStream.concat(Arrays.stream(there),
                IntStream.rangeClosed(1, back.length).mapToDouble(i -> back[back.length - i])).toArray();
    }

    private static LossCurve of(List<LossCurve> runs, double deviations) {
        LossCurve shortest = runs.stream().min(Comparator.comparing(run -> run.loss.length)).orElseThrow();
        return new LossCurve(shortest.x, IntStream.range(0, shortest.loss.length).mapToDouble(i -> {
            double[] seeds = runs.stream().mapToDouble(run -> run.loss[i]).toArray();
            return StatUtils.mean(seeds) + deviations * Math.sqrt(StatUtils.variance(seeds));
        }).toArray());
    }

    /** For the eye: each point on a line fitted to those around it (LOESS, Cleveland 1979). */
    LossCurve smoothed() {
        if (x.length <= NARROWEST_WINDOW) {
            return this;
        }
        double window = Math.max(WINDOW, (double) NARROWEST_WINDOW / x.length);
        return new LossCurve(x, new LoessInterpolator(window, 0).smooth(x, loss));
    }
}
