package gerbil.train;

import ai.djl.ndarray.NDManager;
import gerbil.model.Generator;
import gerbil.model.GptJ;
import gerbil.model.Sampling;
import gerbil.objective.BlenderFormat;
import gerbil.spec.GerbilException;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.tokens.SpecialToken;
import gerbil.tokens.Tokenizer;
import gerbil.tokens.Vocabulary;

import java.util.Arrays;
import java.util.stream.IntStream;

/** A run's model with its tokenizer, ready to write text. */
public final class TrainedModel implements AutoCloseable {

    private final RunSpec spec;
    private final NDManager manager;
    private final GptJ model;
    private final Tokenizer tokenizer;
    private final Generator writer;
    private final Generator masks;

    private TrainedModel(RunSpec spec, NDManager manager, GptJ model, Tokenizer tokenizer) {
        this.spec = spec;
        this.manager = manager;
        this.model = model;
        this.tokenizer = tokenizer;
        int end = vocabulary().endOfText();
        writer = new Generator(model, vocabulary().size(), end + 1);
        masks = new Generator(model, vocabulary().size(), end);
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
                new Tokenizer(Workspace.vocabulary(spec)));
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
     * @throws GerbilException if prompt and continuation exceed the model's positions
     */
    public String continueText(String prompt, int tokens, Sampling sampling, long seed) {
        int[] text = tokenizer.encode(prompt);
        int[] start = spec.objective() == Objective.BLENDER ? format("").causalPrompt(text)
                : IntStream.concat(IntStream.of(vocabulary().endOfText()), IntStream.of(text)).toArray();
        return prompt + answer(start, tokens, sampling, seed);
    }

    /**
     * Fills in what is missing between two texts.
     *
     * @param prefix may be empty, if the suffix is not
     * @param suffix may be empty, if the prefix is not
     * @param tokens to fill in at most; the model may end earlier
     * @param seed the same seed gives the same text
     * @return what stands between the two
     * @throws GerbilException if this is no Blender model, both texts are empty, or they and the tokens exceed the model's
     *     positions
     */
    public String infill(String prefix, String suffix, int tokens, Sampling sampling, long seed) {
        BlenderFormat format = format("fill in the middle");
        if (prefix.isEmpty() && suffix.isEmpty()) {
            throw new GerbilException("nothing before and nothing after the middle", "a prefix, a suffix or both",
                    "give one of them, or let the model begin a text of its own with continueText");
        }
        return answer(format.fillPrompt(tokenizer.encode(prefix), tokenizer.encode(suffix)), tokens, sampling, seed);
    }

    /**
     * Puts a token in the place of each {@code <single_tok_mask>} in a text. One space before a mask belongs to it, as in
     * the published example: {@code an <single_tok_mask> text} asks for a token that may begin with a space.
     *
     * @param seed the same seed gives the same text
     * @return the text, filled in
     * @throws GerbilException if this is no Blender model, the text has no mask, other special tokens or nothing but masks,
     *     or is too long for the model's positions
     */
    public String fillMasks(String text, Sampling sampling, long seed) {
        BlenderFormat format = format("fill masks");
        int[] visible = tokenizer.encodeTagged(text);
        int[] prompt = format.maskedPrompt(visible);
        int mask = vocabulary().id(SpecialToken.SINGLE_TOK_MASK);
        int missing = (int) Arrays.stream(visible).filter(id -> id == mask).count();
        int[] ids = masks.generate(prompt, missing, sampling, seed, id -> false);
        return tokenizer.decode(format.filled(visible, Arrays.copyOfRange(ids, prompt.length, ids.length)));
    }

    private Vocabulary vocabulary() {
        return tokenizer.vocabulary();
    }

    private BlenderFormat format(String wanted) {
        if (spec.objective() != Objective.BLENDER) {
            throw new GerbilException("a causal model, " + spec.model() + ", that is to " + wanted,
                    "a Blender model, which is trained to", "train one (gerbil train --objective blender, or a run of "
                    + "Objective.BLENDER), or let this one continue a text");
        }
        return new BlenderFormat(vocabulary());
    }

    /** Text after a prompt, until the model ends it. */
    private String answer(int[] prompt, int tokens, Sampling sampling, long seed) {
        int end = vocabulary().endOfText();
        int[] ids = writer.generate(prompt, tokens, sampling, seed, id -> id == end);
        return tokenizer.decode(Arrays.stream(ids).skip(prompt.length).filter(id -> id != end).toArray());
    }

    @Override
    public void close() {
        manager.close();
    }
}
