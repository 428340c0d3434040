package gerbil.train;

import ai.djl.ndarray.NDManager;
import gerbil.model.Generator;
import gerbil.model.GptJ;
import gerbil.model.Sampling;
import gerbil.spec.RunSpec;
import gerbil.tokens.Tokenizer;
import gerbil.tokens.Vocabulary;

import java.util.stream.IntStream;

/** A run's model with its tokenizer, ready to write text. */
public final class TrainedModel implements AutoCloseable {

    private final RunSpec spec;
    private final NDManager manager;
    private final GptJ model;
    private final Tokenizer tokenizer;

    private TrainedModel(RunSpec spec, NDManager manager, GptJ model, Tokenizer tokenizer) {
        this.spec = spec;
        this.manager = manager;
        this.model = model;
        this.tokenizer = tokenizer;
    }

    /**
     * The model of a run's newest checkpoint.
     *
     * @throws gerbil.spec.GerbilException if the run has none
     */
    public static TrainedModel open(RunDirectory run) {
        RunSpec spec = run.record().spec();
        NDManager manager = NDManager.newBaseManager();
        return new TrainedModel(spec, manager, run.model(manager),
                new Tokenizer(Workspace.vocabulary(spec.modelSize().scale())));
    }

    /** What the model was trained as. */
    public RunSpec spec() {
        return spec;
    }

    /** The model itself. */
    public GptJ model() {
        return model;
    }

    /**
     * Continues a text until the model ends the document.
     *
     * @param prompt may be empty: then a new document is begun
     * @param tokens to add at most
     * @param seed the same seed gives the same text
     * @return prompt and continuation
     * @throws gerbil.spec.GerbilException if prompt and continuation exceed the model's positions
     */
    public String continueText(String prompt, int tokens, Sampling sampling, long seed) {
        Vocabulary vocabulary = tokenizer.vocabulary();
        int[] start = IntStream.concat(IntStream.of(vocabulary.endOfText()), IntStream.of(tokenizer.encode(prompt)))
                .toArray();
        int[] ids = new Generator(model, vocabulary.size())
                .generate(start, tokens, sampling, seed, id -> id == vocabulary.endOfText());
        return tokenizer.decode(IntStream.of(ids).filter(id -> id != vocabulary.endOfText()).toArray());
    }

    @Override
    public void close() {
        manager.close();
    }
}
