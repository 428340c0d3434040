package gerbil.spec;

import java.util.Map;

/**
 * One optimizer step: a line of {@code metrics.jsonl}.
 *
 * @param step from 1
 * @param tokens trained on so far, this step's included
 * @param loss mean cross-entropy of this step's tokens before the update, nats a token
 * @param learningRate of this step
 * @param gradientNorm global L2 norm before clipping
 * @param tokensPerSecond of this step
 * @param lossByObjective of a Blender run, the mean over each objective's tokens by its label; null for a causal run
 */
public record StepMetrics(int step, long tokens, double loss, double learningRate, double gradientNorm,
                          double tokensPerSecond, Map<String, Double> lossByObjective) {

    /** A step of a causal run. */
    public StepMetrics(int step, long tokens, double loss, double learningRate, double gradientNorm,
                       double tokensPerSecond) {
        this(step, tokens, loss, learningRate, gradientNorm, tokensPerSecond, null);
    }
}
