package gerbil.objective;

import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.tokens.TokenSet;

/**
 * What a model is trained on: an endless series of equally long sequences, epoch after epoch, in an order that is a
 * pure function of the seed, so that a position in training is the number of sequences seen and nothing else.
 */
public interface Sequences {

    /**
     * The sequences of a run.
     *
     * @throws gerbil.base.GerbilException if the set is shorter than one sequence, or a sequence too short for the
     *     objective
     */
    static Sequences of(RunSpec spec, TokenSet tokens) {
        if (spec.objective() == Objective.CAUSAL) {
            return new CausalSequences(tokens, spec.sequenceLength(), spec.seed());
        }
        return BlenderSequences.of(spec, tokens);
    }

    /** Sequences of the first pass over the token set. */
    int perEpoch();

    /** Groups of targets that a batch has: 1, or one for each of Blender's objectives. */
    int groups();

    /** Where in the token set the text of a sequence begins. */
    long position(long sequence);

    /** Sequences {@code first} to {@code first + count - 1} of the series. */
    Batch batch(long first, int count);
}
