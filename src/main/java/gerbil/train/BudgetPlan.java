package gerbil.train;

import ai.djl.engine.EngineException;
import gerbil.base.Progress;
import gerbil.objective.Sequences;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.TokenSet;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a run will take on this device.
 *
 * @param spec of the run
 * @param settings of the step
 * @param epochs passes over the token set, with those of the run that it continues
 * @param secondsPerStep measured on this device
 * @param peakMemory of the process during the measured step, bytes: of a GPU's memory, or resident; empty where the
 *     system does not tell
 */
public record BudgetPlan(RunSpec spec, StepSettings settings, double epochs, double secondsPerStep,
                         OptionalLong peakMemory) {

    private static final String JOB = "measuring a step";
    private static final int MEASURED = 3;
    /** To measure for at least: a process's first steps at nano take two to three times as long as the later ones. */
    private static final double SECONDS = 0.4;
    /** Up to which repeated text is worth almost as much as new text (Muennighoff et al. 2023). */
    private static final double WORTHWHILE_EPOCHS = 4;

    /** As the next, for run after run. */
    public static List<BudgetPlan> measure(List<RunSpec> specs, TokenSet tokens, Progress progress) {
        List<BudgetPlan> plans = new ArrayList<>();
        for (RunSpec spec : specs) {
            progress.update(JOB, plans.size(), specs.size(), "runs");
            plans.add(measure(spec, tokens));
        }
        progress.update(JOB, plans.size(), specs.size(), "runs");
        return plans;
    }

    /** Measures a step of the run on this device, in the settings that suit the device. */
    public static BudgetPlan measure(RunSpec spec, TokenSet tokens) {
        return measure(spec, tokens, StepTuning.choose(spec, TrainingPath.FUSED));
    }

    /**
     * Measures a step of the run on this device with a model of its own and the token set's text.
     *
     * @throws gerbil.base.GerbilException if memory ends or a GPU fails
     */
    public static BudgetPlan measure(RunSpec spec, TokenSet tokens, StepSettings settings) {
        Sequences data = Sequences.of(spec, tokens);
        int microBatch = settings.microBatch();
        try (TrainingSetup setup = TrainingSetup.of(spec, settings)) {
            setup.step().backward(data, 0, microBatch);
            setup.optimizer().step(0);
            double passes = (double) spec.batchSequences() / microBatch / MEASURED;
            double seconds = Double.MAX_VALUE;
            long first = System.nanoTime();
            do {
                long begin = System.nanoTime();
                setup.step().backward(data, microBatch, microBatch * MEASURED);
                long backward = System.nanoTime();
                setup.optimizer().step(0);
                long end = System.nanoTime();
                seconds = Math.min(seconds, ((backward - begin) * passes + end - backward) / 1e9);
            } while ((System.nanoTime() - first) / 1e9 < SECONDS);
            double epochs = ((double) spec.steps() * spec.batchTokens() + spec.tokensBefore()) / spec.sequenceLength()
                    / data.perEpoch();
            return new BudgetPlan(spec, settings, epochs, seconds, Hardware.peakMemory(spec.config()));
        } catch (EngineException e) {
            throw EngineFailure.explain(e, spec.config(), "plan again");
        }
    }

    /** What is wrong with the plan, a sentence. */
    public Optional<String> warning() {
        return epochs <= WORTHWHILE_EPOCHS ? Optional.empty() : Optional.of(String.format(Locale.ROOT,
                "%s would see its text %.1f times; beyond four times repeated text is worth less and less than new "
                        + "text (Muennighoff et al. 2023): prepare more tokens", spec.model(), epochs));
    }

    /** Micro-batches of one step. */
    public int accumulation() {
        return spec.batchSequences() / settings.microBatch();
    }

    /** Estimated time of the whole run. */
    public double seconds() {
        return secondsPerStep * spec.steps();
    }

    /** Speed of the measured step. */
    public double tokensPerSecond() {
        return spec.batchTokens() / secondsPerStep;
    }
}
