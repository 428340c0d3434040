package gerbil.law;

import gerbil.results.LossMatrix;
import gerbil.results.LossRow;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;

import java.util.List;

/**
 * A trained model, as a law sees it. Points of one cell differ in nothing but the seed.
 *
 * @param cell {@code Gerbil-A-40k}
 * @param parameters by whichever count the law is in
 * @param tokens trained on
 * @param loss nats a token
 */
public record LossPoint(String cell, double parameters, double tokens, double loss) {

    /**
     * All rows of a matrix that have a loss, {@link LossRow#loss}, with every seed; without those of star classes,
     * whose learning rate fell twice.
     */
    public static List<LossPoint> of(LossMatrix matrix, ParameterCount count) {
        return matrix.rows().stream()
                .filter(row -> row.loss() != null && BudgetClass.of(row.budgetClass()).before().isEmpty())
                .map(row -> new LossPoint(row.model(),
                        count.of(ModelSize.of(row.size()).config(Objective.of(row.objective()))), row.tokens(),
                        row.loss()))
                .toList();
    }
}
