package gerbil.spec;

import java.util.List;
import java.util.Map;

/**
 * One optimizer step: a line of {@code metrics.jsonl}.
 *
 * @param step from 1
 * @param tokens trained on so far, this step's included
 * @param loss mean cross-entropy of this step's tokens before the update, nats a token
 * @param learningRate of this step
 * @param gradientNorm global L2 norm before clipping; NaN or infinite if it or the loss was not a number
 * @param tokensPerSecond of this step
 * @param lossByObjective of a Blender run, the mean over each objective's tokens by its label; null for a causal run
 */
public record StepMetrics(int step, long tokens, double loss, double learningRate, double gradientNorm,
                          double tokensPerSecond, Map<String, Double> lossByObjective) {

    /** Whether the batch was left out, since its loss or its gradient was not a number. */
    public boolean leftOut() {
        return !Double.isFinite(gradientNorm);
    }

    /** Mean of the losses that are numbers; NaN if there are none. */
    public static double meanLoss(List<StepMetrics> steps) {
        return steps.stream().mapToDouble(StepMetrics::loss).filter(Double::isFinite).average().orElse(Double.NaN);
    }

    /** Seconds spent until the end of each step, sittings added. */
    public static double[] seconds(List<StepMetrics> steps) {
        double[] seconds = new double[steps.size()];
        double spent = 0;
        long before = 0;
        for (int i = 0; i < seconds.length; i++) {
            StepMetrics step = steps.get(i);
            spent += (step.tokens - before) / step.tokensPerSecond;
            before = step.tokens;
            seconds[i] = spent;
        }
        return seconds;
    }

    /** A step of a causal run. */
    public StepMetrics(int step, long tokens, double loss, double learningRate, double gradientNorm,
                       double tokensPerSecond) {
        this(step, tokens, loss, learningRate, gradientNorm, tokensPerSecond, null);
    }
}
