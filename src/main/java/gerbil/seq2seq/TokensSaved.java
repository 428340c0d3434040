package gerbil.seq2seq;

import gerbil.base.GerbilException;
import org.apache.commons.math3.distribution.TDistribution;
import org.apache.commons.math3.stat.descriptive.SummaryStatistics;

import java.util.List;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/**
 * How many tokens of the task a warm start saves: how much earlier it has the loss that the run of the same seed from
 * random weights ends with. Where it never has that loss, how much earlier the other had its last one, below zero. The
 * base model's own training is not counted. Between two measurements the loss is taken to fall in a line.
 *
 * @param bySeed tokens saved by each pair of runs
 * @param mean of these
 * @param low end of the mean's 95% interval by Student's t over the seeds
 * @param high the other end
 */
public record TokensSaved(List<Long> bySeed, double mean, double low, double high) {

    private static final double LEVEL = 0.95;

    /**
     * @param warm runs, one a seed
     * @param random the other runs, in the same order of seeds
     * @throws GerbilException if there are fewer than two seeds, or others than those of the warm runs
     */
    public static TokensSaved of(List<Seq2SeqResult> warm, List<Seq2SeqResult> random) {
        if (warm.size() < 2 || !seeds(warm).equals(seeds(random))) {
            throw new GerbilException("warm runs of the seeds " + seeds(warm) + " and others of " + seeds(random),
                    "the same seeds, at least two", "train what is missing");
        }
        List<Long> saved = IntStream.range(0, warm.size()).mapToObj(i -> saved(warm.get(i), random.get(i))).toList();
        SummaryStatistics statistics = new SummaryStatistics();
        saved.forEach(statistics::addValue);
        double half = new TDistribution(saved.size() - 1).inverseCumulativeProbability((1 + LEVEL) / 2)
                * statistics.getStandardDeviation() / Math.sqrt(saved.size());
        return new TokensSaved(saved, statistics.getMean(), statistics.getMean() - half, statistics.getMean() + half);
    }

    private static List<Long> seeds(List<Seq2SeqResult> results) {
        return results.stream().map(result -> result.spec().seed()).toList();
    }

    private static long saved(Seq2SeqResult warm, Seq2SeqResult random) {
        OptionalLong reached = tokensAt(warm.curve(), random.last().loss());
        return reached.isPresent() ? random.last().tokens() - reached.getAsLong()
                : tokensAt(random.curve(), warm.last().loss()).orElseThrow() - warm.last().tokens();
    }

    /** Where a curve first has a loss, if it does. */
    private static OptionalLong tokensAt(List<Seq2SeqResult.Point> curve, double loss) {
        if (curve.get(0).loss() <= loss) {
            return OptionalLong.of(0);
        }
        for (int i = 1; i < curve.size(); i++) {
            Seq2SeqResult.Point before = curve.get(i - 1);
            Seq2SeqResult.Point point = curve.get(i);
            if (point.loss() <= loss) {
                double share = (before.loss() - loss) / (before.loss() - point.loss());
                return OptionalLong.of(before.tokens() + Math.round(share * (point.tokens() - before.tokens())));
            }
        }
        return OptionalLong.empty();
    }
}
