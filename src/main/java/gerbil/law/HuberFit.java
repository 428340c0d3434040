package gerbil.law;

import org.apache.commons.math3.fitting.leastsquares.LeastSquaresBuilder;
import org.apache.commons.math3.fitting.leastsquares.LeastSquaresOptimizer;
import org.apache.commons.math3.fitting.leastsquares.LevenbergMarquardtOptimizer;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.ArrayRealVector;
import org.apache.commons.math3.linear.RealMatrix;
import org.apache.commons.math3.linear.RealVector;
import org.apache.commons.math3.util.Pair;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The third approach of Hoffmann et al. (2022): the sum of the Huber loss of log L(N, D) - log loss, made least in log
 * E, log A, log B, alpha and beta, in which log L is a log-sum-exp. It is the sum, not the mean, and each start is run
 * to convergence: that theirs was not is what Besiroglu et al. (2024) found.
 *
 * <p>The optimizer is commons-math's Levenberg-Marquardt, whose squared residuals are twice the Huber losses. It has
 * the Jacobian, which that library's general optimizers do without or use less of.
 */
final class HuberFit {

    private static final double DELTA = 1e-3;
    private static final double TOLERANCE = 1e-9;
    /** An E of fewer nats is none. */
    private static final double NOTHING = 1e-9;
    /** Where E, A or B goes to nothing, its logarithm falls for ever. */
    private static final int MOST_ITERATIONS = 1000;
    private static final LeastSquaresOptimizer OPTIMIZER = new LevenbergMarquardtOptimizer()
            .withCostRelativeTolerance(TOLERANCE).withParameterRelativeTolerance(TOLERANCE)
            .withOrthoTolerance(TOLERANCE);

    private final double[] logParameters;
    private final double[] logTokens;
    private final double[] logLoss;

    HuberFit(List<LossPoint> points) {
        logParameters = points.stream().mapToDouble(p -> Math.log(p.parameters())).toArray();
        logTokens = points.stream().mapToDouble(p -> Math.log(p.tokens())).toArray();
        logLoss = points.stream().mapToDouble(p -> Math.log(p.loss())).toArray();
    }

    /**
     * Where the optimizer came to rest.
     *
     * @param at log E, log A, log B, alpha, beta
     * @param loss sum of Huber losses
     */
    record Optimum(double[] at, double loss) {

        ScalingLaw law() {
            double e = Math.exp(at[0]);
            return new ScalingLaw(e < NOTHING ? 0 : e, Math.exp(at[1]), Math.exp(at[2]), at[3], at[4]);
        }
    }

    /** The grid of Hoffmann et al.: 4,500 starts. */
    static List<double[]> grid() {
        List<double[]> starts = new ArrayList<>();
        for (double e = -1; e <= 1; e += 0.5) {
            for (double a = 0; a <= 25; a += 5) {
                for (double b = 0; b <= 25; b += 5) {
                    for (double alpha = 0; alpha <= 2; alpha += 0.5) {
                        for (double beta = 0; beta <= 2; beta += 0.5) {
                            starts.add(new double[] {e, a, b, alpha, beta});
                        }
                    }
                }
            }
        }
        return starts;
    }

    /** The {@code count} best of some starts, before the optimizer. */
    List<double[]> best(List<double[]> starts, int count) {
        return starts.stream().sorted(Comparator.comparingDouble(this::loss)).limit(count).toList();
    }

    /** What each start leads to, the best first. */
    List<Optimum> run(List<double[]> starts) {
        return starts.stream().map(this::run).sorted(Comparator.comparingDouble(Optimum::loss)).toList();
    }

    private Optimum run(double[] start) {
        LeastSquaresOptimizer.Optimum optimum = OPTIMIZER.optimize(new LeastSquaresBuilder().model(this::residuals)
                .target(new double[logLoss.length]).start(start)
                .checker((iteration, before, now) -> iteration == MOST_ITERATIONS)
                .maxEvaluations(Integer.MAX_VALUE).maxIterations(Integer.MAX_VALUE).build());
        return new Optimum(optimum.getPoint().toArray(), optimum.getCost() * optimum.getCost() / 2);
    }

    private double loss(double[] at) {
        RealVector residuals = residuals(new ArrayRealVector(at, false)).getFirst();
        return residuals.dotProduct(residuals) / 2;
    }

    /** Of each point the root of twice its Huber loss, with the sign of its error, and its derivatives. */
    private Pair<RealVector, RealMatrix> residuals(RealVector at) {
        double[] residuals = new double[logLoss.length];
        double[][] derivatives = new double[logLoss.length][];
        for (int i = 0; i < residuals.length; i++) {
            double byParameters = at.getEntry(1) - at.getEntry(3) * logParameters[i];
            double byTokens = at.getEntry(2) - at.getEntry(4) * logTokens[i];
            double largest = Math.max(at.getEntry(0), Math.max(byParameters, byTokens));
            double e = Math.exp(at.getEntry(0) - largest);
            double a = Math.exp(byParameters - largest);
            double b = Math.exp(byTokens - largest);
            double sum = e + a + b;
            double error = largest + Math.log(sum) - logLoss[i];
            boolean small = Math.abs(error) <= DELTA;
            residuals[i] = small ? error
                    : Math.signum(error) * Math.sqrt(DELTA * (2 * Math.abs(error) - DELTA));
            double slope = (small ? 1 : DELTA / Math.abs(residuals[i])) / sum;
            derivatives[i] = new double[] {slope * e, slope * a, slope * b, -slope * a * logParameters[i],
                -slope * b * logTokens[i]};
        }
        return new Pair<>(new ArrayRealVector(residuals, false), new Array2DRowRealMatrix(derivatives, false));
    }
}
