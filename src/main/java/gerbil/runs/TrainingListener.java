package gerbil.runs;

import gerbil.spec.StepMetrics;

/** Told of every optimizer step as it is done. */
@FunctionalInterface
public interface TrainingListener {

    /** Listens to nothing. */
    TrainingListener NONE = (metrics, steps) -> { };

    /**
     * @param metrics of the step just done
     * @param steps of the whole run
     */
    void step(StepMetrics metrics, int steps);
}
