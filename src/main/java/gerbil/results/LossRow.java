package gerbil.results;

import gerbil.spec.ModelSize;
import gerbil.spec.PublishedResult;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;

import java.util.Locale;

/**
 * A row of the loss table, a finished run or a published one; what is not known is null.
 *
 * @param scale {@code nano}, {@code paper} or {@code published}
 * @param budgetClass {@code A}, or {@code A*} of a model of class A trained on
 * @param tokens trained on; of a star class with those before it
 * @param trainingLoss mean over the last {@code trainingLossSteps}, nats a token; of a published row as published
 * @param wholeRunLoss mean over all steps, nats a token
 * @param heldoutLoss nats a token
 * @param bitsPerByte the same in bits a byte
 * @param codeVersion that began it, and what differed where it went on
 * @param data hash of the token set trained on
 * @param defaultSetting whether but for the seed it is the default run of its size, class and objective
 * @param flops operations of all its training steps' matrix products; of a published row with our sequence length,
 *     because theirs is not known
 * @param deviceMemory of a GPU, taken at most, in bytes
 */
public record LossRow(String model, String scale, String objective, String size, String budgetClass, Long parameters,
                      long tokens, int batchTokens, Double trainingLoss, Long trainingLossSteps, Double wholeRunLoss,
                      Double heldoutLoss, Double bitsPerByte, String corpus, String data, String vocabulary,
                      String device, Double wallSeconds, String codeVersion, Long seed, Double learningRate,
                      boolean defaultSetting, double flops, Long deviceMemory) {

    /** The scale of published rows. */
    public static final String PUBLISHED = "published";

    private static final String PILE = "the Pile, deduplicated";

    static LossRow of(RunResult result) {
        RunSpec spec = result.spec();
        long tokens = spec.tokensBefore() + result.tokens();
        RunEnvironment begun = result.environment();
        return new LossRow(spec.model(), spec.modelSize().scale().label(), spec.objective().label(), spec.size(),
                spec.budgetClass().toString(), result.parameters(), tokens, spec.batchTokens(),
                result.trainingLoss(), (long) result.trainingLossSteps(), result.wholeRunLoss(), result.heldoutLoss(),
                result.bitsPerByte(), begun.corpus(), spec.data(), spec.vocabulary(), begun.device(),
                result.wallSeconds(), begun.codeVersion() + begun.continuedWith(result.continued()), spec.seed(),
                spec.optimizer().learningRate(), spec.withSeed(0).isDefault(),
                (double) spec.config().flopsPerToken(spec.sequenceLength()) * tokens, result.deviceMemory());
    }

    static LossRow of(PublishedResult p) {
        Double loss = p.trainingLoss().isPresent() ? p.trainingLoss().getAsDouble() : null;
        ModelSize size = ModelSize.of(p.size());
        return new LossRow(p.model(), PUBLISHED, p.objective().label(), p.size(), p.budgetClass().name(), null,
                p.tokens(), p.batchTokens(), loss, null, null, null, null, PILE, PILE, "gpt2", null, null, null, null,
                null, true, (double) size.config(p.objective()).flopsPerToken(size.sequenceLength()) * p.tokens(),
                null);
    }

    /** The loss to look at first: on held-out text; of a published row the training loss, the only one there is. */
    public Double loss() {
        return scale.equals(PUBLISHED) ? trainingLoss : heldoutLoss;
    }

    /** Whether the corpus calls itself the Pile, so that the loss can be compared with the published one. */
    public boolean onThePile() {
        return corpus.toLowerCase(Locale.ROOT).contains("pile");
    }
}
