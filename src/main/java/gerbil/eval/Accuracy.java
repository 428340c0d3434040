package gerbil.eval;

import java.util.List;
import java.util.Map;

/** How many answers are right, as lm-evaluation-harness reports it. */
final class Accuracy {

    private Accuracy() {
    }

    /** The mean, and the standard error of the mean (from the sample's deviation; NaN for a single item). */
    static void put(Map<String, Double> metrics, String name, List<Boolean> right) {
        double n = right.size();
        double mean = right.stream().filter(r -> r).count() / n;
        metrics.put(name, mean);
        metrics.put(name + "_stderr", Math.sqrt(mean * (1 - mean) / (n - 1)));
    }
}
