package gerbil.results;

import org.apache.commons.math3.stat.StatUtils;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * The runs of one cell of a matrix, which differ in nothing but the seed.
 *
 * @param runs at least one
 */
public record LossCell(List<LossRow> runs) {

    /** Mean over the seeds of a loss, such as {@link LossRow#loss}; empty where it is not known. */
    public OptionalDouble mean(Function<LossRow, Double> loss) {
        return known(loss).stream().mapToDouble(Double::doubleValue).average();
    }

    /** Standard deviation over the seeds, estimated from these (divided by n - 1); empty unless there are two. */
    public OptionalDouble deviation(Function<LossRow, Double> loss) {
        double[] known = known(loss).stream().mapToDouble(Double::doubleValue).toArray();
        return known.length < 2 ? OptionalDouble.empty() : OptionalDouble.of(Math.sqrt(StatUtils.variance(known)));
    }

    private List<Double> known(Function<LossRow, Double> loss) {
        return runs.stream().map(loss).filter(Objects::nonNull).toList();
    }

    /** Mean, standard deviation and number of seeds: "2.7794 ± 0.0057 (n = 3)"; of one seed "2.7736". */
    public String text(Function<LossRow, Double> loss) {
        String mean = String.format(Locale.ROOT, "%.4f", mean(loss).orElseThrow());
        OptionalDouble deviation = deviation(loss);
        return deviation.isEmpty() ? mean : String.format(Locale.ROOT, "%s ± %.4f (n = %d)", mean,
                deviation.getAsDouble(), runs.size());
    }
}
