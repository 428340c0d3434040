package gerbil.results;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import org.apache.commons.math3.stat.StatUtils;
import org.apache.commons.math3.stat.correlation.Covariance;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How the loss changes along a line of the table: a size's from class to class, or a class's from size to size. It
 * can be compared between corpora, where the losses themselves cannot.
 *
 * @param scale as in {@link LossRow}
 * @param corpus what the losses are losses of
 * @param line "3.3m, by class" or "class A, by size"
 * @param runs cells with a loss, at least two
 * @param falling of the {@code runs - 1} steps from one to the next those in which the loss falls
 * @param natsPerDoubling fitted change of the loss for each doubling of the training tokens
 * @param exponent fitted: the loss goes with the training tokens to this power
 */
public record Trend(String scale, String corpus, String line, int runs, int falling,
                    double natsPerDoubling, double exponent) {

    /** Of all lines of a scale's causal models that have two losses or more; {@link LossRow#loss}, mean of seeds. */
    public static List<Trend> of(LossTable table, String scale) {
        List<Trend> trends = new ArrayList<>();
        for (LossMatrix matrix : table.matrices(scale, Objective.CAUSAL)) {
            for (ModelSize size : matrix.sizes()) {
                along(matrix, size.name() + ", by class", BudgetClass.WITHOUT_STAR.stream()
                        .map(c -> matrix.cell(size, c))).ifPresent(trends::add);
            }
            for (BudgetClass budgetClass : BudgetClass.WITHOUT_STAR) {
                along(matrix, "class " + budgetClass + ", by size", matrix.sizes().stream()
                        .map(s -> matrix.cell(s, budgetClass))).ifPresent(trends::add);
            }
        }
        return trends;
    }

    private static Optional<Trend> along(LossMatrix matrix, String line, Stream<Optional<LossCell>> cells) {
        List<LossCell> known = cells.flatMap(Optional::stream).toList();
        if (known.size() < 2) {
            return Optional.empty();
        }
        double[] loss = known.stream().mapToDouble(c -> c.mean(LossRow::loss).orElseThrow()).toArray();
        double[] logTokens = known.stream().mapToDouble(c -> Math.log(c.runs().get(0).tokens())).toArray();
        double[] logLoss = IntStream.range(0, loss.length).mapToDouble(i -> Math.log(loss[i])).toArray();
        int falling = (int) IntStream.range(1, loss.length).filter(i -> loss[i] < loss[i - 1]).count();
        return Optional.of(new Trend(matrix.scale(), matrix.corpus(), line, loss.length, falling,
                slope(logTokens, loss) * Math.log(2), slope(logTokens, logLoss)));
    }

    /** Of the line with the least squares of errors in y. */
    private static double slope(double[] x, double[] y) {
        return new Covariance().covariance(x, y) / StatUtils.variance(x);
    }
}
