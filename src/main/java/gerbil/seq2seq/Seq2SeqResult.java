package gerbil.seq2seq;

import com.fasterxml.jackson.annotation.JsonIgnore;

import java.util.List;

/**
 * What a run came to.
 *
 * @param spec what was run
 * @param baseRun id of the run that made the base; of a base that is of no run here what its weights are
 * @param baseSha256 of the base's weights
 * @param pairsSha256 of the pairs
 * @param codeVersion that trained it
 * @param curve held-out loss from before the first step to after the last
 */
public record Seq2SeqResult(Seq2SeqSpec spec, String baseRun, String baseSha256, String pairsSha256, String codeVersion,
                            List<Point> curve) {

    /**
     * Held-out loss of a run.
     *
     * @param tokens of comments and signatures trained on so far
     * @param loss of the signatures' tokens, nats a token
     */
    public record Point(long tokens, double loss) {
    }

    /** After the last step. */
    @JsonIgnore
    public Point last() {
        return curve.get(curve.size() - 1);
    }
}
