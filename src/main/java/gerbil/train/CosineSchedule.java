package gerbil.train;

import gerbil.spec.OptimizerSettings;

/**
 * Learning rate by step: linear warm-up to the peak, then half a cosine down to the final rate (Loshchilov and Hutter
 * 2017).
 */
public record CosineSchedule(double peak, double last, int warmupSteps, int steps) {

    /** The schedule of a run of {@code steps} steps. */
    public static CosineSchedule of(OptimizerSettings settings, int steps) {
        return new CosineSchedule(settings.learningRate(), settings.learningRate() * settings.finalFraction(),
                Math.max(1, (int) Math.round(settings.warmupFraction() * steps)), steps);
    }

    /**
     * @param step from 1 to {@code steps}
     */
    public double learningRate(int step) {
        if (step <= warmupSteps) {
            return peak * step / warmupSteps;
        }
        double done = (double) (step - warmupSteps) / (steps - warmupSteps);
        return last + (peak - last) * (1 + Math.cos(Math.PI * done)) / 2;
    }
}
