package gerbil.law;

/**
 * L(N, D) = E + A / N^alpha + B / D^beta (Hoffmann et al. 2022): the loss in nats a token of a model of N parameters
 * that is trained on D tokens.
 *
 * @param e what is left of an endless model on endless text
 * @param a of the term that falls with the parameters
 * @param b of the term that falls with the tokens
 * @param alpha power of the parameters
 * @param beta power of the tokens
 */
public record ScalingLaw(double e, double a, double b, double alpha, double beta) {

    /** Nats a token. */
    public double loss(double parameters, double tokens) {
        return e + a * Math.pow(parameters, -alpha) + b * Math.pow(tokens, -beta);
    }
}
