package gerbil.runs;

import gerbil.spec.StepMetrics;

import java.util.List;
import java.util.function.Supplier;

/** Told of every optimizer step as it is done. Whatever a listener does, the run's numbers stay the same. */
@FunctionalInterface
public interface TrainingListener {

    /** Listens to nothing. */
    TrainingListener NONE = (metrics, steps) -> { };

    /**
     * Told once, before any step.
     *
     * @param before the steps that were done earlier; all of them if the run has finished
     * @param steps of the whole run
     */
    default void begin(List<StepMetrics> before, int steps) {
    }

    /**
     * @param sentence on what who reads the run's numbers should know: a damaged checkpoint, another number of
     *     threads, a batch that was left out
     */
    default void note(String sentence) {
    }

    /**
     * @param metrics of the step just done
     * @param steps of the whole run
     */
    void step(StepMetrics metrics, int steps);

    /**
     * Offered now and then, between two steps.
     *
     * @param preview worked out only for who asks, in this call
     */
    default void preview(Supplier<Preview> preview) {
    }
}
