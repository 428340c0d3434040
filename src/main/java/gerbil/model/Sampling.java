package gerbil.model;

import gerbil.base.GerbilException;

import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * How the next token is chosen from its logits: divide by the temperature, keep the {@code topK} likeliest tokens, of
 * these the fewest whose probabilities reach {@code topP} (Holtzman et al. 2020), and draw.
 *
 * @param temperature 0 takes the likeliest token; 1 samples the model's own distribution
 * @param topK tokens kept; 0 keeps all
 * @param topP probability kept, in (0, 1]; 1 keeps all
 */
public record Sampling(double temperature, int topK, double topP) {

    /** The likeliest token each time. */
    public static final Sampling GREEDY = new Sampling(0, 0, 1);

    public Sampling {
        if (!(temperature >= 0) || topK < 0 || !(topP > 0 && topP <= 1)) {
            throw new GerbilException("temperature " + temperature + ", top-k " + topK + ", top-p " + topP,
                    "temperature at least 0, top-k at least 0, top-p above 0 and at most 1", "change the sampling");
        }
    }

    /**
     * The token id that a number draws.
     *
     * @param logits of the tokens that may be drawn
     * @param number in [0, 1)
     */
    int draw(float[] logits, double number) {
        int likeliest = IntStream.range(0, logits.length).reduce((a, b) -> logits[b] > logits[a] ? b : a).orElseThrow();
        if (temperature == 0) {
            return likeliest;
        }
        double[] weight = new double[logits.length];
        for (int i = 0; i < weight.length; i++) {
            weight[i] = Math.exp((logits[i] - logits[likeliest]) / temperature);
        }
        int[] kept = kept(weight);
        double total = IntStream.of(kept).mapToDouble(i -> weight[i]).sum();
        double point = number * total;
        for (int id : kept) {
            point -= weight[id];
            if (point < 0) {
                return id;
            }
        }
        return kept[0];
    }

    private int[] kept(double[] weight) {
        if (topK == 0 && topP == 1) {
            return IntStream.range(0, weight.length).toArray();
        }
        int[] sorted = IntStream.range(0, weight.length).boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -weight[i]))
                .limit(topK == 0 ? weight.length : topK)
                .mapToInt(Integer::intValue).toArray();
        double enough = topP * IntStream.of(sorted).mapToDouble(i -> weight[i]).sum();
        int count = 0;
        for (double sum = 0; count < sorted.length && sum < enough; count++) {
            sum += weight[sorted[count]];
        }
        return IntStream.of(sorted).limit(Math.max(count, 1)).toArray();
    }
}
