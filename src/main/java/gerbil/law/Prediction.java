package gerbil.law;

import java.util.Locale;

/**
 * What a law says of a model.
 *
 * @param loss nats a token
 * @param low end of the interval, {@link ScalingFit#INTERVAL} of the resampled laws' predictions
 * @param high end of the interval
 * @param extrapolated whether parameters and tokens lie outside the convex hull of the points, in logarithms, where no
 *     point says that the law holds
 */
public record Prediction(double loss, double low, double high, boolean extrapolated) {

    /** This prediction for a loss that is a multiple of the law's. */
    public Prediction times(double ratio) {
        return new Prediction(loss * ratio, low * ratio, high * ratio, extrapolated);
    }

    /** "3.07 [2.91, 3.20]", and ", extrapolated". */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "%.2f [%.2f, %.2f]%s", loss, low, high,
                extrapolated ? ", extrapolated" : "");
    }
}
