package gerbil.seq2seq;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.training.GradientCollector;
import gerbil.base.GerbilException;
import gerbil.base.Measurements;
import gerbil.hub.LanguageModel;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.spec.OptimizerSettings;
import gerbil.spec.StepMetrics;
import gerbil.train.AdamW;
import gerbil.train.CodeVersion;
import gerbil.train.CosineSchedule;
import gerbil.train.PlainAdamW;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;

/**
 * Trains an encoder-decoder on pairs, in plain DJL operations.
 *
 * @param spec what is run
 * @param base the model that the specification names
 * @param pairs to learn and to be measured on
 * @param listener told of every step
 */
public record Seq2SeqTraining(Seq2SeqSpec spec, LanguageModel base, JavadocPairs pairs, TrainingListener listener) {

    /** Measurements of held-out loss in a run, besides the one before its first step. */
    private static final int MEASUREMENTS = 16;

    /** The model before its first step. */
    public Seq2SeqModel begin() {
        return spec.warm() ? Seq2SeqModel.of(base, base, spec.seed())
                : Seq2SeqModel.random(base.model().config(), base.vocabulary(), spec.seed());
    }

    /** A whole run, its model thrown away. */
    public Seq2SeqResult run() {
        try (Seq2SeqModel model = begin()) {
            return train(model);
        }
    }

    /**
     * The result of a run on the same pairs, from a base of the same run: read from a folder of results, or measured
     * and added.
     */
    public Seq2SeqResult recorded(Path results) {
        String pairsSha256 = pairs.sha256();
        return new Measurements<>(results.resolve("encoder-decoder.jsonl"), Seq2SeqResult.class).of(
                known -> known.spec().equals(spec) && known.baseRun().equals(baseRun())
                        && known.pairsSha256().equals(pairsSha256), this::run);
    }

    /** Trains a model that {@link #begin} made. */
    public Seq2SeqResult train(Seq2SeqModel model) {
        OptimizerSettings settings = OptimizerSettings.withLearningRate(spec.learningRate());
        CosineSchedule schedule = CosineSchedule.of(settings, spec.steps());
        List<List<Pair>> batches = batches();
        List<Seq2SeqResult.Point> curve = new ArrayList<>();
        curve.add(new Seq2SeqResult.Point(0, model.meanLoss(pairs.heldOut())));
        long tokens = 0;
        model.network().freeze(false);
        listener.begin(List.of(), spec.steps());
        try (AdamW optimizer = new PlainAdamW(model.network().manager(), model.network().weights(), settings)) {
            for (int step = 1; step <= spec.steps(); step++) {
                if (Thread.interrupted()) {
                    throw new GerbilException("an interrupt at step " + step + " of " + spec.steps(), "a finished run",
                            "start it again: it begins anew");
                }
                long begin = System.nanoTime();
                List<Pair> batch = batches.get((step - 1) % batches.size());
                double loss = backward(model, batch);
                double learningRate = schedule.learningRate(step);
                double norm = optimizer.step(learningRate);
                if (!Double.isFinite(loss + norm)) {
                    throw new GerbilException("a loss of " + loss + " and a gradient of norm " + norm + " at step "
                            + step, "numbers", "train with a lower learning rate than " + spec.learningRate());
                }
                int seen = batch.stream().mapToInt(Pair::tokens).sum();
                tokens += seen;
                listener.step(new StepMetrics(step, tokens, loss, learningRate, norm,
                        seen / ((System.nanoTime() - begin) / 1e9)), spec.steps());
                if (step * MEASUREMENTS / spec.steps() > (step - 1) * MEASUREMENTS / spec.steps()) {
                    curve.add(new Seq2SeqResult.Point(tokens, model.meanLoss(pairs.heldOut())));
                }
            }
        }
        model.network().freeze(true);
        return new Seq2SeqResult(spec, baseRun(), base.sha256(), pairs.sha256(), CodeVersion.current(), curve);
    }

    /** What tells the base from others of its name. */
    private String baseRun() {
        return base instanceof TrainedModel run ? run.spec().runId() : base.sha256();
    }

    /** In the seed's order. Those of one batch are about as long as each other, so that little of it is padding. */
    private List<List<Pair>> batches() {
        Random random = new Random(spec.seed());
        List<Pair> order = new ArrayList<>(pairs.train());
        Collections.shuffle(order, random);
        order.sort(Comparator.comparingInt(pair -> pair.source().length));
        List<List<Pair>> batches = new ArrayList<>();
        for (int first = 0; first + spec.batchPairs() <= order.size(); first += spec.batchPairs()) {
            batches.add(order.subList(first, first + spec.batchPairs()));
        }
        Collections.shuffle(batches, random);
        return batches;
    }

    private static double backward(Seq2SeqModel model, List<Pair> batch) {
        try (NDScope ignored = new NDScope(); NDManager scratch = model.network().manager().newSubManager();
             GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            NDArray loss = model.loss(batch, scratch);
            collector.backward(loss);
            return loss.getFloat();
        }
    }
}
