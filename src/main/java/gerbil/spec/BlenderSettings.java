package gerbil.spec;

import gerbil.base.GerbilException;

/**
 * How a Blender model's three objectives are mixed and how their examples are made. The original's rates were never
 * published; {@link #DEFAULT} gives ours, to be changed one by one: {@code DEFAULT.withMaskRate(0.3)}.
 *
 * @param fillInTheMiddle share of the mixture
 * @param causal share of the mixture
 * @param masked share of the mixture
 * @param sharesOf what the shares are counted in
 * @param shortestSpan tokens of the shortest span that is moved to the end for filling in the middle
 * @param longestSpan tokens of the longest; in a short text it is half of the text
 * @param maskRate share of a text's tokens that masked language modelling hides
 * @param lossOn which tokens are learned from
 */
public record BlenderSettings(double fillInTheMiddle, double causal, double masked, SharesOf sharesOf,
                              int shortestSpan, int longestSpan, double maskRate, LossOn lossOn) {

    /** What the shares of a mixture are counted in. */
    public enum SharesOf {
        /** Each example's objective is drawn by itself. */
        EXAMPLES,
        /** Each packed sequence's objective is drawn: sequences have equally many tokens, examples have not. */
        TOKENS
    }

    /** Which tokens a model learns from. */
    public enum LossOn {
        /** Every token of an example but the first tag, which is given. */
        ALL,
        /** What is asked for: the moved span, the hidden tokens; in a causal example all text. */
        TARGETS
    }

    /**
     * One third each, by examples: "trained equally", as the original's model card says. Spans of 3 to 64 tokens are
     * the range of UL2's denoisers (mean lengths 3, 8 and 64; Tay et al. 2022, table 1), and half of a text is the most
     * that these corrupt. 15% of the tokens are hidden, as in T5 (Raffel et al. 2020, section 3.3.3), whose comparison
     * of rates found no clear difference from 10% to 25% and worse results at 50%. Loss is on all tokens, as is usual
     * for a decoder and in training to fill in the middle (Bavarian et al. 2022).
     */
    public static final BlenderSettings DEFAULT =
            new BlenderSettings(1.0 / 3, 1.0 / 3, 1.0 / 3, SharesOf.EXAMPLES, 3, 64, 0.15, LossOn.ALL);

    /** How far from one the shares may add up, for shares written with few digits. */
    private static final double ROUNDING = 1e-6;

    public BlenderSettings {
        double sum = fillInTheMiddle + causal + masked;
        if (!(Math.min(Math.min(fillInTheMiddle, causal), masked) >= 0) || !(Math.abs(sum - 1) <= ROUNDING)) {
            throw new GerbilException("a mixture of " + fillInTheMiddle + " fill-in-the-middle, " + causal
                    + " causal and " + masked + " masked, which is " + sum + " in all",
                    "three shares of at least 0 that add up to 1",
                    "choose for example 0.5, 0.25 and 0.25, or leave the mixture out for a third each");
        }
        if (shortestSpan < 1 || longestSpan < shortestSpan) {
            throw new GerbilException("spans of " + shortestSpan + " to " + longestSpan + " tokens",
                    "a shortest span of at least 1 token and a longest no shorter",
                    "choose for example 3 and 64");
        }
        if (!(maskRate > 0 && maskRate < 1)) {
            throw new GerbilException("a mask rate of " + maskRate, "a share above 0 and below 1: without a mask "
                    + "nothing is asked, and when all is masked there is nothing to tell it from",
                    "choose for example 0.15");
        }
    }

    /** These settings with other shares, which add up to 1. */
    public BlenderSettings withShares(double fillInTheMiddle, double causal, double masked) {
        return new BlenderSettings(fillInTheMiddle, causal, masked, sharesOf, shortestSpan, longestSpan, maskRate,
                lossOn);
    }

    /** These settings with other spans to fill in, in tokens. */
    public BlenderSettings withSpans(int shortest, int longest) {
        return new BlenderSettings(fillInTheMiddle, causal, masked, sharesOf, shortest, longest, maskRate, lossOn);
    }

    /** These settings with another share of hidden tokens. */
    public BlenderSettings withMaskRate(double maskRate) {
        return new BlenderSettings(fillInTheMiddle, causal, masked, sharesOf, shortestSpan, longestSpan, maskRate,
                lossOn);
    }

    /** These settings with other tokens to learn from. */
    public BlenderSettings withLossOn(LossOn lossOn) {
        return new BlenderSettings(fillInTheMiddle, causal, masked, sharesOf, shortestSpan, longestSpan, maskRate,
                lossOn);
    }

    /** The share of one of the objectives. */
    public double share(BlendedObjective objective) {
        return switch (objective) {
            case FILL_IN_THE_MIDDLE -> fillInTheMiddle;
            case CAUSAL -> causal;
            case MASKED -> masked;
        };
    }
}
