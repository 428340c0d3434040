package gerbil.results;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * How training loss changes along a line of the table: a size's from class to class, or a class's from size to size. It
 * can be compared between corpora, where the losses themselves cannot.
 *
 * @param scale as in {@link LossRow}
 * @param line "3.3m, by class" or "class A, by size"
 * @param runs cells with a loss, at least two
 * @param falling of the {@code runs - 1} steps from one to the next those in which the loss falls
 * @param natsPerDoubling fitted change of the loss for each doubling of the training tokens
 * @param exponent fitted: the loss goes with the training tokens to this power
 */
public record Trend(String scale, String line, int runs, int falling, double natsPerDoubling, double exponent) {

    /** Of all lines of a scale's causal models that have two losses or more. */
    public static List<Trend> of(LossTable table, String scale) {
        List<Trend> trends = new ArrayList<>();
        for (ModelSize size : LossTable.sizes(scale)) {
            along(scale, size.name() + ", by class", Stream.of(BudgetClass.values())
                    .map(c -> table.cell(scale, Objective.CAUSAL, size, c))).ifPresent(trends::add);
        }
        for (BudgetClass budgetClass : BudgetClass.values()) {
            along(scale, "class " + budgetClass + ", by size", LossTable.sizes(scale).stream()
                    .map(s -> table.cell(scale, Objective.CAUSAL, s, budgetClass))).ifPresent(trends::add);
        }
        return trends;
    }

    private static Optional<Trend> along(String scale, String line, Stream<Optional<LossRow>> cells) {
        List<LossRow> known = cells.flatMap(Optional::stream).filter(r -> r.trainingLoss() != null).toList();
        if (known.size() < 2) {
            return Optional.empty();
        }
        double[] loss = known.stream().mapToDouble(LossRow::trainingLoss).toArray();
        double[] logTokens = known.stream().mapToDouble(r -> Math.log(r.tokens())).toArray();
        double[] logLoss = IntStream.range(0, loss.length).mapToDouble(i -> Math.log(loss[i])).toArray();
        int falling = (int) IntStream.range(1, loss.length).filter(i -> loss[i] < loss[i - 1]).count();
        return Optional.of(new Trend(scale, line, loss.length, falling, slope(logTokens, loss) * Math.log(2),
                slope(logTokens, logLoss)));
    }

    /** Of the line with the least squares of errors in y. */
    private static double slope(double[] x, double[] y) {
        double meanX = IntStream.range(0, x.length).mapToDouble(i -> x[i]).average().orElseThrow();
        double meanY = IntStream.range(0, y.length).mapToDouble(i -> y[i]).average().orElseThrow();
        double products = IntStream.range(0, x.length).mapToDouble(i -> (x[i] - meanX) * (y[i] - meanY)).sum();
        double squares = IntStream.range(0, x.length).mapToDouble(i -> (x[i] - meanX) * (x[i] - meanX)).sum();
        return products / squares;
    }
}
