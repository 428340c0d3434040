package gerbil.notebook;

import gerbil.base.Choice;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;

import java.util.List;

/** By what runs are laid beside each other. */
public enum Alignment implements Choice {
    /** Tokens trained on, those before a star class too. */
    TOKENS("tokens"),
    /** Seconds spent in training steps, which are the machine's too. */
    TIME("seconds of training"),
    /** Operations of the matrix products. */
    COMPUTE("operations in matrix products");

    private final String title;

    Alignment(String title) {
        this.title = title;
    }

    String title() {
        return title;
    }

    /** At the end of each step. */
    double[] of(RunSpec spec, List<StepMetrics> steps) {
        long before = spec.tokensBefore();
        return switch (this) {
            case TOKENS -> steps.stream().mapToDouble(step -> before + step.tokens()).toArray();
            case TIME -> StepMetrics.seconds(steps);
            case COMPUTE -> steps.stream().mapToDouble(step ->
                    (double) spec.config().flopsPerToken(spec.sequenceLength()) * (before + step.tokens())).toArray();
        };
    }
}
