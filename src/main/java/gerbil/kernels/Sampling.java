package gerbil.kernels;

import gerbil.base.GerbilException;

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

    /** What logits can be divided by in float32. */
    private static final double COLDEST = 1e-9;

    public Sampling {
        boolean isTemperature = temperature == 0 || temperature >= COLDEST && Double.isFinite(temperature);
        if (!isTemperature || topK < 0 || !(topP > 0 && topP <= 1)) {
            throw new GerbilException("temperature " + temperature + ", top-k " + topK + ", top-p " + topP,
                    "temperature 0 or at least " + COLDEST + ", top-k at least 0, top-p above 0 and at most 1",
                    "change the sampling");
        }
    }
}
