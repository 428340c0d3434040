package gerbil.kernels;

/**
 * What a model says of tokens that follow given ones; logarithms are natural.
 *
 * @param logProbability of each token
 * @param likeliest log-probability of the likeliest token in its place
 * @param topIds in each place the likeliest tokens, likeliest first, as many as were asked for
 * @param topLogProbability theirs
 */
public record TokenScores(float[] logProbability, float[] likeliest, long[][] topIds, float[][] topLogProbability) {

    /** Whether each token is the likeliest in its place: what greedy decoding would have written. */
    public boolean greedy() {
        for (int i = 0; i < logProbability.length; i++) {
            if (logProbability[i] != likeliest[i]) {
                return false;
            }
        }
        return true;
    }

    /** Log-probability of all tokens together. */
    public double sum() {
        double sum = 0;
        for (float one : logProbability) {
            sum += one;
        }
        return sum;
    }
}
