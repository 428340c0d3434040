package gerbil.train;

import gerbil.eval.HeldOutLoss;
import gerbil.hub.LanguageModel;
import gerbil.kernels.Sampling;
import gerbil.model.GptJ;
import gerbil.runs.Preview;
import gerbil.runs.TrainingListener;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.TokenSet;

/**
 * Offers a listener previews of the model in training. Together they take a small share of the steps' time, of which
 * they are no part; weights, gradients and PyTorch's random numbers stay as they are.
 */
final class Previews {

    private static final double SHARE_OF_TIME = 0.02;
    /** Of a run that is long enough for them. */
    private static final int MOST = 20;
    private static final long HELD_OUT_TOKENS = 4_096;
    private static final int SAMPLE_TOKENS = 64;
    static final Sampling SAMPLING = new Sampling(0.8, 0, 0.95);

    private final RunSpec spec;
    private final TokenSet heldOut;
    private final LanguageModel model;
    private final TrainingListener listener;
    private double trained;
    private double spent;
    private int next;

    Previews(RunSpec spec, GptJ model, Vocabulary vocabulary, TokenSet heldOut, TrainingListener listener) {
        this.spec = spec;
        this.heldOut = heldOut;
        this.listener = listener;
        this.model = new LanguageModel(model, vocabulary);
    }

    /** To be called after each step; after the last there is the result. */
    void after(StepMetrics step) {
        trained += spec.batchTokens() / step.tokensPerSecond();
        // reading a text takes at most about as long as training on it
        double expected = HELD_OUT_TOKENS / step.tokensPerSecond();
        if (step.step() >= next && step.step() < spec.steps() && spent + expected <= SHARE_OF_TIME * trained) {
            long begin = System.nanoTime();
            listener.preview(() -> of(step.tokens()));
            spent += (System.nanoTime() - begin) / 1e9;
            next = step.step() + spec.steps() / MOST;
        }
    }

    /** What the model can do after so many tokens. */
    Preview of(long tokens) {
        double loss = HeldOutLoss.of(model.model(), heldOut, model.vocabulary(), spec.sequenceLength(),
                HELD_OUT_TOKENS).loss();
        // a model that has diverged draws no token
        return new Preview(tokens, loss, !Double.isFinite(loss) ? ""
                : model.continueText("", Math.min(SAMPLE_TOKENS, spec.sequenceLength() / 2), SAMPLING, 0));
    }
}
