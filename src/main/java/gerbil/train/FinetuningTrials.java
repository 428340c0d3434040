package gerbil.train;

import gerbil.base.Measurements;
import gerbil.eval.HeldOutLoss;
import gerbil.hub.LanguageModel;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.runs.Workspace;
import gerbil.spec.RunSpec;
import gerbil.tokens.PreparedTokens;

import java.util.Objects;

/**
 * Trains finished runs' models on another text, and measures what they learn of it and forget of their own. What was
 * measured once is read from {@code finetuning.jsonl} in the folder of results.
 *
 * @param before the text that the finished runs are of
 * @param after another, in the same vocabulary
 */
public record FinetuningTrials(Workspace workspace, PreparedTokens before, PreparedTokens after) {

    /** A run from random weights: on the other text, or a finished run as it is. */
    public FinetuningTrial of(RunSpec run) {
        return of(null, run, isOf(before, run) ? "class " + run.budgetClass() : "random weights", null);
    }

    /** The whole of a finished run's model, trained on by a run of the other text or of a star class. */
    public FinetuningTrial of(RunSpec finished, RunSpec run) {
        return of(finished, run, run.before().isPresent() ? "class " + run.budgetClass() : "whole model",
                null);
    }

    /** As the other, with all but the last layers, and the LayerNorm after them, as they were. */
    public FinetuningTrial of(RunSpec finished, RunSpec run, int lastLayers) {
        return of(finished, run, "last " + lastLayers + " of " + finished.config().layers() + " layers", lastLayers);
    }

    private FinetuningTrial of(RunSpec finished, RunSpec run, String trained, Integer lastLayers) {
        String base = finished == null ? null : finished.model() + "-" + finished.runId();
        return new Measurements<>(workspace.results().resolve("finetuning.jsonl"), FinetuningTrial.class).of(
                known -> known.trained().equals(trained) && known.run().equals(run.runId())
                        && Objects.equals(known.base(), base), () -> {
                    try (TrainedModel model = train(finished, run, lastLayers)) {
                        return new FinetuningTrial(run.size(), base, trained, run.runId(),
                                run.optimizer().learningRate(), run.seed(), (long) run.steps() * run.batchTokens(),
                                loss(model, after, run.sequenceLength()), loss(model, before, run.sequenceLength()),
                                model.sha256(), CodeVersion.current());
                    }
                });
    }

    private TrainedModel train(RunSpec finished, RunSpec run, Integer lastLayers) {
        if (finished == null) {
            trainer(run).run();
            return TrainedModel.open(RunDirectory.of(workspace.runs(), run));
        }
        try (TrainedModel base = train(null, finished, null)) {
            RunSpec begun = run.before().isPresent() ? run.continuing(base.base())
                    : run.finetuning(lastLayers == null ? base.base() : base.base().lastLayers(lastLayers));
            trainer(begun).from(base).run();
            return TrainedModel.open(RunDirectory.of(workspace.runs(), begun));
        }
    }

    private Trainer trainer(RunSpec run) {
        return Trainer.of(run, isOf(before, run) ? before : after, workspace.runs(), TrainingListener.NONE);
    }

    private static boolean isOf(PreparedTokens text, RunSpec run) {
        return run.data().equals(text.train().hash());
    }

    /** Held-out loss of a model on a text, nats a token, in windows of some tokens. */
    public static double loss(LanguageModel model, PreparedTokens text, int length) {
        return HeldOutLoss.of(model.model(), text.heldout(), model.vocabulary(), length, Workspace.SCORED_TOKENS)
                .loss();
    }
}
