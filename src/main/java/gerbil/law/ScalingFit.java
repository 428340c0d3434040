package gerbil.law;

import gerbil.base.GerbilException;
import org.apache.commons.math3.exception.InsufficientDataException;
import org.apache.commons.math3.geometry.euclidean.twod.Euclidean2D;
import org.apache.commons.math3.geometry.euclidean.twod.Vector2D;
import org.apache.commons.math3.geometry.euclidean.twod.hull.MonotoneChain;
import org.apache.commons.math3.geometry.partitioning.Region;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A scaling law fitted to points, with what the points leave open. Intervals come from the bootstrap: the law is fitted
 * again to {@link #RESAMPLES} resamples. What is drawn is cells, with all of their seeds: seeds of one cell lie off the
 * law together, so that drawing single runs would make them count as more than they are. A resample without five
 * cells of two sizes, which would leave the law open, is drawn again.
 */
public final class ScalingFit {

    /** Resamples of the bootstrap. */
    public static final int RESAMPLES = 1000;
    /** Share of the resampled laws that an interval holds; as many are below it as above. */
    public static final double INTERVAL = 0.95;

    private static final int LAW_PARAMETERS = 5;
    private static final int RUN_TO_CONVERGENCE = 50;
    /** Of the hull, in logarithms: a budget in whole batches is a little more than the budget. */
    private static final double TOLERANCE = 0.01;

    private final List<List<LossPoint>> cells;
    private final Region<Euclidean2D> hull;
    private final HuberFit.Optimum best;
    private final List<ScalingLaw> resampled;

    private ScalingFit(List<List<LossPoint>> cells, Region<Euclidean2D> hull, HuberFit.Optimum best,
                       List<ScalingLaw> resampled) {
        this.cells = cells;
        this.hull = hull;
        this.best = best;
        this.resampled = resampled;
    }

    /**
     * A parameter of the law with its interval.
     *
     * @param parameter E, A, B, alpha or beta
     */
    public record Parameter(String parameter, double value, double low, double high) {
    }

    /**
     * A cell beside what the law says of it.
     *
     * @param loss mean of its seeds
     * @param predicted by the law
     * @param percent by how much the prediction is off
     */
    public record Checked(String cell, double parameters, double tokens, double loss, double predicted,
                          double percent) {
    }

    /**
     * Fits a law, which takes seconds.
     *
     * @throws GerbilException if there are fewer than six cells, or not three sizes, or if all lie on one line
     */
    public static ScalingFit of(List<LossPoint> points) {
        List<List<LossPoint>> cells = List.copyOf(points.stream()
                .collect(Collectors.groupingBy(LossPoint::cell, LinkedHashMap::new, Collectors.toList())).values());
        if (cells.size() <= LAW_PARAMETERS || sizes(points) < 3) {
            throw new GerbilException(cells.size() + " cells of " + sizes(points) + " sizes to fit a scaling law to",
                    "at least " + (LAW_PARAMETERS + 1) + " cells of 3 sizes, since the law has " + LAW_PARAMETERS
                            + " parameters", "train more sizes and classes with their default settings");
        }
        Region<Euclidean2D> hull = hull(points);
        HuberFit.Optimum best = fit(points);
        return new ScalingFit(cells, hull, best, resampled(cells, starts(best, points)));
    }

    private static HuberFit.Optimum fit(List<LossPoint> points) {
        HuberFit fit = new HuberFit(points);
        return fit.run(fit.best(HuberFit.grid(), RUN_TO_CONVERGENCE)).get(0);
    }

    private static long sizes(List<LossPoint> points) {
        return points.stream().mapToDouble(LossPoint::parameters).distinct().count();
    }

    private static Region<Euclidean2D> hull(List<LossPoint> points) {
        try {
            return new MonotoneChain(false, TOLERANCE)
                    .generate(points.stream().map(p -> place(p.parameters(), p.tokens())).toList()).createRegion();
        } catch (InsufficientDataException e) {
            throw new GerbilException("cells whose tokens are the same power of their parameters",
                    "sizes that were trained on several budgets", "train more classes", e);
        }
    }

    private static Vector2D place(double parameters, double tokens) {
        return new Vector2D(Math.log(parameters), Math.log(tokens));
    }

    /**
     * Where the fits to resamples start: at the law itself; at the same law with more left for an endless model, since
     * from an E of nearly 0 no slope leads back; and at the two best of the grid.
     */
    private static List<double[]> starts(HuberFit.Optimum best, List<LossPoint> points) {
        double[] moreLeft = best.at().clone();
        moreLeft[0] = Math.log(points.stream().mapToDouble(LossPoint::loss).min().orElseThrow() / 2);
        return Stream.concat(Stream.of(best.at(), moreLeft),
                new HuberFit(points).best(HuberFit.grid(), 2).stream()).toList();
    }

    private static List<ScalingLaw> resampled(List<List<LossPoint>> cells, List<double[]> starts) {
        SplittableRandom random = new SplittableRandom(0);
        List<List<LossPoint>> resamples = Stream.generate(() -> IntStream.range(0, cells.size())
                        .mapToObj(i -> cells.get(random.nextInt(cells.size()))).toList())
                .filter(drawn -> drawn.stream().distinct().count() >= LAW_PARAMETERS)
                .map(drawn -> drawn.stream().flatMap(List::stream).toList())
                .filter(points -> sizes(points) > 1).limit(RESAMPLES).toList();
        return resamples.parallelStream().map(points -> new HuberFit(points).run(starts).get(0).law()).toList();
    }

    /** The law. */
    public ScalingLaw law() {
        return best.law();
    }

    /** What the fit made least: the sum over the points of the Huber losses of their errors in log loss. */
    public double huberLoss() {
        return best.loss();
    }

    /** The law's parameters with their intervals. */
    public List<Parameter> parameters() {
        return List.of(parameter("E", ScalingLaw::e), parameter("A", ScalingLaw::a), parameter("B", ScalingLaw::b),
                parameter("alpha", ScalingLaw::alpha), parameter("beta", ScalingLaw::beta));
    }

    private Parameter parameter(String name, ToDoubleFunction<ScalingLaw> parameter) {
        double[] sorted = sorted(parameter);
        return new Parameter(name, parameter.applyAsDouble(law()), low(sorted), high(sorted));
    }

    /** The loss of a model of {@code parameters}, counted as the points' are, trained on {@code tokens}. */
    public Prediction predict(double parameters, double tokens) {
        double[] sorted = sorted(law -> law.loss(parameters, tokens));
        return new Prediction(law().loss(parameters, tokens), low(sorted), high(sorted),
                hull.checkPoint(place(parameters, tokens)) == Region.Location.OUTSIDE);
    }

    private double[] sorted(ToDoubleFunction<ScalingLaw> value) {
        return resampled.stream().mapToDouble(value).sorted().toArray();
    }

    private static double low(double[] sorted) {
        return sorted[(int) Math.round((1 - INTERVAL) / 2 * sorted.length)];
    }

    private static double high(double[] sorted) {
        return sorted[sorted.length - 1 - (int) Math.round((1 - INTERVAL) / 2 * sorted.length)];
    }

    /** Each cell beside the law. */
    public List<Checked> residuals() {
        return cells.stream().map(cell -> checked(cell, law())).toList();
    }

    /** Each cell beside the law that is fitted to the others. */
    public List<Checked> leaveOneOut() {
        return cells.parallelStream().map(cell -> checked(cell, fit(cells.stream().filter(other -> other != cell)
                .flatMap(List::stream).toList()).law())).toList();
    }

    private static Checked checked(List<LossPoint> cell, ScalingLaw law) {
        LossPoint first = cell.get(0);
        double loss = cell.stream().mapToDouble(LossPoint::loss).average().orElseThrow();
        double predicted = law.loss(first.parameters(), first.tokens());
        return new Checked(first.cell(), first.parameters(), first.tokens(), loss, predicted,
                100 * (predicted / loss - 1));
    }
}
