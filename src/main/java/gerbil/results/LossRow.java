package gerbil.results;

import gerbil.spec.PublishedResult;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;

/**
 * A row of the loss table, a finished run or a published one; what is not known is null.
 *
 * @param scale {@code nano}, {@code paper} or {@code published}
 * @param trainingLoss mean over the last 1% of the steps, nats a token; of a published row as published
 * @param wholeRunLoss mean over all steps, nats a token
 * @param heldoutLoss nats a token
 * @param bitsPerByte the same in bits a byte
 */
public record LossRow(String model, String scale, String objective, String size, String budgetClass, Long parameters,
                      long tokens, int batchTokens, Double trainingLoss, Double wholeRunLoss, Double heldoutLoss,
                      Double bitsPerByte, String corpus, String vocabulary, String device, Double wallSeconds,
                      String codeVersion, Long seed, Double learningRate) {

    /** The scale of published rows. */
    public static final String PUBLISHED = "published";

    static LossRow of(RunResult result) {
        RunSpec spec = result.spec();
        return new LossRow(spec.model(), spec.modelSize().scale().label(), spec.objective().label(), spec.size(),
                spec.budgetClass().name(), result.parameters(), result.tokens(), spec.batchTokens(),
                result.trainingLoss(), result.wholeRunLoss(), result.heldoutLoss(), result.bitsPerByte(),
                result.environment().corpus(), spec.vocabulary(), result.environment().device(), result.wallSeconds(),
                result.environment().codeVersion(), spec.seed(), spec.optimizer().learningRate());
    }

    static LossRow of(PublishedResult p) {
        Double loss = p.trainingLoss().isPresent() ? p.trainingLoss().getAsDouble() : null;
        return new LossRow(p.model(), PUBLISHED, p.objective().label(), p.size(), p.budgetClass().name(), null,
                p.tokens(), p.batchTokens(), loss, null, null, null, "the Pile, deduplicated", "gpt2", null, null, null,
                null, null);
    }
}
