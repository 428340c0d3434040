package gerbil.spec;

import gerbil.base.Utf8;

import java.util.List;
import java.util.OptionalDouble;

/**
 * One row of the loss table as the models' authors published it; the data is the deduplicated Pile.
 *
 * @param model {@code Gerbil-A-3.3m}
 * @param objective of the model's family
 * @param size {@code 3.3m}
 * @param budgetClass A to D
 * @param tokens trained on
 * @param batchTokens of one optimizer step
 * @param trainingLoss nats a token; empty where it was announced as "coming soon"
 */
public record PublishedResult(String model, Objective objective, String size, BudgetClass budgetClass, long tokens,
                              int batchTokens, OptionalDouble trainingLoss) {

    /** All published rows, in the published order. */
    public static List<PublishedResult> all() {
        return Utf8.resource(PublishedResult.class, "published-results.csv").lines().skip(1)
                .map(PublishedResult::parse).toList();
    }

    private static PublishedResult parse(String line) {
        String[] cells = line.split(",", -1);
        String model = cells[0];
        return new PublishedResult(model,
                model.startsWith(Objective.BLENDER.family()) ? Objective.BLENDER : Objective.CAUSAL,
                cells[1], BudgetClass.of(cells[2]), Long.parseLong(cells[3]), Integer.parseInt(cells[4]),
                cells[5].isEmpty() ? OptionalDouble.empty() : OptionalDouble.of(Double.parseDouble(cells[5])));
    }
}
