package gerbil.spec;

import gerbil.base.GerbilException;

/**
 * AdamW (Loshchilov and Hutter 2019), global-norm clipping, linear warm-up and cosine decay. None of it was published
 * for the Gerbil models; betas, decay and clipping are those of GPT-3 (Brown et al. 2020).
 *
 * @param learningRate peak
 * @param beta1 decay of the first moment
 * @param beta2 decay of the second moment
 * @param epsilon added to the root of the second moment
 * @param weightDecay decoupled, times the learning rate
 * @param decayed which parameters decay
 * @param clipNorm largest global L2 norm of the gradient
 * @param warmupFraction share of the steps over which the learning rate rises
 * @param finalFraction share of the peak that is left at the end
 */
public record OptimizerSettings(double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
                                Decayed decayed, double clipNorm, double warmupFraction, double finalFraction) {

    /** Which parameters weight decay applies to. */
    public enum Decayed { MATRICES, ALL }

    /** The defaults with a given peak learning rate. */
    public static OptimizerSettings withLearningRate(double learningRate) {
        return new OptimizerSettings(learningRate, 0.9, 0.95, 1e-8, 0.1, Decayed.MATRICES, 1.0, 0.05, 0.1);
    }

    public OptimizerSettings {
        if (!(learningRate > 0 && Double.isFinite(learningRate))) {
            throw new GerbilException("learning rate " + learningRate, "a finite number above 0",
                    "set another learning rate");
        }
        requireShare("a warm-up", warmupFraction, warmupFraction <= 1);
        requireShare("a final rate", finalFraction, finalFraction <= 1);
        requireShare("a decay of the first moment", beta1, beta1 < 1);
        requireShare("a decay of the second moment", beta2, beta2 < 1);
        if (!(epsilon > 0 && weightDecay >= 0 && clipNorm > 0)) {
            throw new GerbilException("epsilon " + epsilon + ", weight decay " + weightDecay + ", clipping at "
                    + clipNorm, "an epsilon and a norm above 0, a decay of at least 0", "set others");
        }
    }

    private static void requireShare(String what, double value, boolean below) {
        if (!(value >= 0 && below)) {
            throw new GerbilException(what + " of " + value, "a share from 0 to 1", "set another");
        }
    }
}
