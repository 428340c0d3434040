package gerbil.train;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import gerbil.base.DiskFull;
import gerbil.base.GerbilException;
import gerbil.base.ProcessLock;
import gerbil.eval.HeldOutLoss;
import gerbil.hub.LanguageModel;
import gerbil.model.Devices;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;
import gerbil.objective.Sequences;
import gerbil.objective.Windows;
import gerbil.runs.Checkpoint;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.MetricsLog;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainingListener;
import gerbil.runs.Workspace;
import gerbil.spec.Objective;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunRecord;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.Scale;
import gerbil.spec.StepMetrics;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.PreparedTokens;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Trains one model from a run's specification to its result. A run that was interrupted continues from its newest
 * checkpoint; one that has finished is not run again.
 */
public final class Trainer {

    private final RunSpec spec;
    private final PreparedTokens tokens;
    private final Vocabulary vocabulary;
    private final RunDirectory directory;
    private final Supplier<StepSettings> settings;
    private final TrainingListener listener;
    private final CheckpointPolicy checkpoints;
    private final Sequences data;
    private LanguageModel base;
    private boolean stopsOnSignal;

    /**
     * @param settings asked for when the run is begun, not when it is continued: then the recorded ones hold
     * @param checkpoints when they are saved and which are kept
     * @throws GerbilException if the token sets are not the specification's or shorter than a sequence
     */
    public Trainer(RunSpec spec, PreparedTokens tokens, RunDirectory directory, Supplier<StepSettings> settings,
                   TrainingListener listener, CheckpointPolicy checkpoints) {
        this.spec = spec;
        this.tokens = tokens;
        this.directory = directory;
        this.settings = settings;
        this.listener = listener;
        this.checkpoints = checkpoints;
        Vocabulary text = tokens.train().vocabulary();
        Scale scale = spec.modelSize().scale();
        if (spec.architecture() == null && spec.base() == null && text.size() != scale.vocabularySize()) {
            tokens.train().requireVocabulary(Workspace.vocabulary(scale));
        }
        vocabulary = spec.objective() == Objective.BLENDER ? text.withSpecialTokens() : text;
        LanguageModel.requireRows(spec.config().vocabulary(), vocabulary);
        tokens.heldout().requireVocabulary(vocabulary);
        if (!tokens.train().hash().equals(spec.data()) || !tokens.heldout().hash().equals(spec.heldoutData())) {
            throw new GerbilException("token sets " + tokens.train().hash() + " and " + tokens.heldout().hash(),
                    spec.data() + " and " + spec.heldoutData() + ", the run's", "open the token sets of the run");
        }
        data = Sequences.of(spec, tokens.train());
        // refuses held-out tokens that are too few now and not after the last step
        new Windows(tokens.heldout(), spec.sequenceLength());
    }

    /** As the other constructor, with a time between checkpoints, of which the newest two are kept. */
    public Trainer(RunSpec spec, PreparedTokens tokens, RunDirectory directory, Supplier<StepSettings> settings,
                   TrainingListener listener, Duration checkpointEvery) {
        this(spec, tokens, directory, settings, listener, CheckpointPolicy.every(checkpointEvery));
    }

    /** A run in its own directory under {@code runs}, on the fused path, with a checkpoint every minute. */
    public static Trainer of(RunSpec spec, PreparedTokens tokens, Path runs, TrainingListener listener) {
        return new Trainer(spec, tokens, RunDirectory.of(runs, spec),
                () -> StepTuning.choose(spec, TrainingPath.FUSED), listener, CheckpointPolicy.DEFAULT);
    }

    /**
     * The model that a run of finetuning or of a star class begins with; one that has a checkpoint goes on from there
     * and needs none.
     *
     * @throws GerbilException if it is not the specification's, is of another tokenizer, or has fewer rows
     *     than the run's vocabulary has entries
     */
    public Trainer from(LanguageModel model) {
        if (spec.base() == null || !spec.base().sha256().equals(model.sha256())) {
            throw new GerbilException("a model with weights " + model.sha256(), spec.base() == null
                    ? "none, since the run begins with random weights" : spec.base().sha256()
                    + ", the run's base model", "give the model that the run's specification names");
        }
        if (!model.vocabulary().sha256().equals(vocabulary.sha256())) {
            throw new GerbilException("a model of the tokenizer " + model.vocabulary(), vocabulary
                    + ", that of the tokens", "prepare the text with the model's tokenizer, or take another model");
        }
        LanguageModel.requireRows(model.model().config().vocabulary(), vocabulary);
        base = model;
        return this;
    }

    /**
     * Trains to the end of the budget.
     *
     * @return the result, also written to the run's directory
     * @throws GerbilException if the directory belongs to another run, another process or thread trains in it, no
     *     checkpoint in it is whole or its metrics are not, loss or weights stop being numbers, float16 overflows step
     *     after step, memory ends, a GPU fails, the disk is full, or the thread is interrupted, which leaves a
     *     checkpoint to continue from
     */
    public RunResult run() {
        try {
            return trainOrRead();
        } catch (ClosedByInterruptException e) {
            // while the checkpoint to continue from was read
            Thread.interrupted();
            throw interrupted(directory.latestCheckpoint().map(Checkpoint::step).orElse(0), e);
        } catch (EngineException e) {
            throw EngineFailure.explain(e, spec.config(), "start the same run again: it "
                    + directory.latestCheckpoint().map(c -> "continues from " + c.folder())
                    .orElse("begins again, since it has no checkpoint yet"));
        } catch (IOException e) {
            long checkpoint = spec.config().parameters() * 3 * Float.BYTES;
            throw DiskFull.explain(e, directory.folder(), "the run's last checkpoint",
                    checkpoints.keepLast() + 1 + " checkpoints of about " + DiskFull.megabytes(checkpoint)
                            + ", of which " + checkpoints.keepLast() + " are kept");
        }
    }

    /** As {@link #run}, and a signal that ends the process ends the step and saves a checkpoint first. */
    public RunResult runUntilTerminated() {
        stopsOnSignal = true;
        try (Termination ignored = new Termination()) {
            return run();
        }
    }

    private RunResult trainOrRead() throws IOException {
        if (directory.result().isPresent()) {
            return read();
        }
        try (ProcessLock lock = directory.lock(stopsOnSignal)) {
            // another process may have finished it just now
            return directory.result().isPresent() ? read() : trainLocked(lock);
        }
    }

    private RunResult read() throws IOException {
        claim();
        directory.requireMetrics();
        listener.begin(directory.metrics(), spec.steps());
        return directory.result().orElseThrow();
    }

    private RunRecord claim() throws IOException {
        return directory.claim(spec, () -> environment(settings.get()));
    }

    private RunResult trainLocked(ProcessLock lock) throws IOException {
        if (base == null && (spec.base() != null || spec.before().isPresent())
                && directory.latestCheckpoint().isEmpty()) {
            throw new GerbilException("a run of " + spec.model() + " without its base model",
                    spec.before().map(RunSpec::model).orElseGet(() -> spec.base().model()),
                    "give it with from");
        }
        RunRecord record = claim();
        vocabulary.save(directory.folder());
        continueHere(record.environment());
        try (TrainingSetup setup = TrainingSetup.of(spec, record.environment().step())) {
            GptJ model = setup.model();
            var checkpoint = directory.wholeCheckpoint(listener::note);
            if (checkpoint.isPresent()) {
                restore(checkpoint.get(), model, setup.optimizer());
            } else if (base != null) {
                model.load(base.model().weights());
            }
            try (MetricsLog metrics = MetricsLog.continueAfter(setup.optimizer().steps(), directory.metricsFile())) {
                listener.begin(directory.metrics(), spec.steps());
                train(setup, metrics, lock);
                model.freezeParameters(true);
                RunResult result = result(model, metrics.steps());
                requireLock(lock, spec.steps());
                directory.finish(result);
                return result;
            }
        }
    }

    /** Bits are the same in the same environment only. */
    private void continueHere(RunEnvironment begun) throws IOException {
        RunEnvironment now = environment(begun.step());
        List<String> differences = begun.differences(now);
        if (!differences.isEmpty()) {
            listener.note("The run is not continued as it was begun: " + String.join("; ", differences)
                    + ". From here on its numbers may differ from those of a run that was not stopped; run.json says "
                    + "so too.");
            directory.continueIn(now);
        }
    }

    private static void restore(Checkpoint checkpoint, GptJ model, AdamW optimizer) throws IOException {
        checkpoint.restore(model);
        try (NDManager scratch = model.manager().newSubManager()) {
            optimizer.restore(checkpoint.step(), checkpoint.optimizer(scratch));
        }
    }

    /**
     * @return seconds that it took
     * @throws GerbilException if weights are not numbers; then the checkpoint before is the newest
     */
    private double save(TrainingSetup setup, MetricsLog metrics) throws IOException {
        long begin = System.nanoTime();
        AdamW optimizer = setup.optimizer();
        GptJTensors.requireFinite(setup.model().weights(), "train a new run with a lower learning rate than "
                + spec.optimizer().learningRate() + ": this one, started again, comes to the same end");
        try (NDScope ignored = new NDScope()) {
            Checkpoint.save(directory.checkpoints(), optimizer.steps(), setup.model().weights(), optimizer.saved(),
                    metrics.force(), checkpoints);
        }
        return secondsSince(begin);
    }

    private static double secondsSince(long nanoTime) {
        return (System.nanoTime() - nanoTime) / 1e9;
    }

    private void train(TrainingSetup setup, MetricsLog metrics, ProcessLock lock) throws IOException {
        TrainingStep step = setup.step();
        AdamW optimizer = setup.optimizer();
        CosineSchedule schedule = CosineSchedule.of(spec.optimizer(), spec.steps());
        Previews previews = new Previews(spec, setup.model(), vocabulary, tokens.heldout(), listener);
        BatchWatch watch = new BatchWatch(spec, tokens.train(), data, new Tokenizer(vocabulary), directory.batches(),
                listener, optimizer.lossScale());
        long saved = System.nanoTime();
        double saving = 0;
        try {
            for (int number = optimizer.steps() + 1; number <= spec.steps(); number++) {
                long begin = System.nanoTime();
                BatchLoss loss = step.backward(data, spec.sequencesBefore(number), spec.batchSequences());
                double learningRate = schedule.learningRate(number);
                // the loss is read after the update, so that a GPU is waited for once
                double norm = optimizer.step(learningRate, loss.sums());
                double seconds = secondsSince(begin);
                StepMetrics done = new StepMetrics(number, (long) number * spec.batchTokens(), loss.mean(),
                        learningRate, norm, spec.batchTokens() / seconds,
                        data.groups() == 1 ? null : loss.byObjective());
                metrics.add(done);
                listener.step(done, spec.steps());
                Optional<GerbilException> end = watch.see(metrics.steps());
                previews.after(done);
                requireLock(lock, number);
                optimizer.lossScale().restart(); // so that a run that ends here goes on when it is started again
                if (number == spec.steps() || end.isPresent() || checkpoints.due(number, secondsSince(saved), saving)) {
                    saving = save(setup, metrics);
                    saved = System.nanoTime();
                }
                if (end.isPresent()) {
                    throw end.get();
                }
            }
        } catch (InterruptedStep e) {
            // of the last finished step; before the first there is nothing to keep
            int done = optimizer.steps();
            if (done > 0 && directory.latestCheckpoint().filter(c -> c.step() == done).isEmpty()) {
                requireLock(lock, done);
                save(setup, metrics);
            }
            throw interrupted(done, e);
        }
    }

    private GerbilException interrupted(int step, Exception cause) {
        return new GerbilException("an interrupt at step " + step + " of " + spec.steps(), "a finished run",
                "start the same run again: it continues from there", cause);
    }

    /** On Linux and macOS one can go on writing to a file that was deleted. */
    private void requireLock(ProcessLock lock, int step) throws IOException {
        if (Files.notExists(directory.folder())) {
            throw new GerbilException("no folder " + directory.folder() + " any more at step " + step,
                    "the run's files, as long as it trains", "train again: it begins anew");
        }
        if (!lock.isHeld()) {
            throw new GerbilException("another lock file or none in " + directory.folder() + " at step " + step
                    + ", so that another process may be training there", "the lock file, as long as the run trains",
                    "leave the file alone, and train again: the run goes on from its newest checkpoint");
        }
    }

    private RunResult result(GptJ model, List<StepMetrics> steps) {
        RunRecord record = directory.record();
        HeldOutLoss heldOut = HeldOutLoss.of(model, tokens.heldout(), vocabulary, spec.sequenceLength(),
                Workspace.SCORED_TOKENS);
        double trainingLoss = StepMetrics.meanLoss(steps.subList(steps.size() - spec.trainingLossSteps(),
                steps.size()));
        if (!Double.isFinite(heldOut.loss() + trainingLoss)) {
            throw new GerbilException("a training loss of " + trainingLoss + " and a held-out loss of "
                    + heldOut.loss() + " after the last step", "numbers",
                    "train a new run with a lower learning rate than " + spec.optimizer().learningRate());
        }
        return new RunResult(spec, record.environment(), spec.config().parameters(),
                (long) spec.steps() * spec.batchTokens(), trainingLoss, StepMetrics.meanLoss(steps), heldOut.loss(),
                heldOut.bitsPerByte(), StepMetrics.seconds(steps)[steps.size() - 1], spec.trainingLossSteps(),
                (int) steps.stream().filter(StepMetrics::leftOut).count(), Hardware.deviceMemory(spec.config()),
                record.continued());
    }

    private RunEnvironment environment(StepSettings step) {
        Engine engine = Devices.engine();
        var corpus = tokens.train().manifest().corpus();
        return new RunEnvironment(CodeVersion.current(), Hardware.device(spec.config()), Devices.threads(),
                engine.getEngineName() + " " + engine.getVersion(), System.getProperty("java.version"), corpus.name(),
                corpus.hash(), step, Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
    }
}
