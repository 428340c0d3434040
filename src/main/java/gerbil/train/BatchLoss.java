package gerbil.train;

import gerbil.spec.BlendedObjective;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The loss of a batch, nats a token.
 *
 * @param mean over all targets that are learned
 * @param byGroup the mean of each group of targets; not a number where there is none
 */
record BatchLoss(double mean, double[] byGroup) {

    /**
     * @param sums of each group's losses, over the batch's learned targets
     * @param learned targets of each group
     */
    static BatchLoss of(float[] sums, long[] learned) {
        long all = IntStream.range(0, learned.length).mapToLong(g -> learned[g]).sum();
        return new BatchLoss(IntStream.range(0, sums.length).mapToDouble(g -> sums[g]).sum(),
                IntStream.range(0, sums.length).mapToDouble(g -> (double) sums[g] * all / learned[g]).toArray());
    }

    /** The means of a Blender batch by the objectives that have targets. */
    Map<String, Double> byObjective() {
        Map<String, Double> losses = new LinkedHashMap<>();
        for (BlendedObjective objective : BlendedObjective.values()) {
            double loss = byGroup[objective.ordinal()];
            if (!Double.isNaN(loss)) {
                losses.put(objective.label(), loss);
            }
        }
        return losses;
    }
}
