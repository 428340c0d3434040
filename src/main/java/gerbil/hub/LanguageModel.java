package gerbil.hub;

import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.kernels.Generator;
import gerbil.kernels.Sampling;
import gerbil.model.GptJ;
import gerbil.objective.BlenderFormat;
import gerbil.spec.BaseModel;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.security.MessageDigest;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** A model with its tokenizer, ready to write text. Closing it closes the model. */
public class LanguageModel implements AutoCloseable {

    private final GptJ model;
    private final Tokenizer tokenizer;

    /**
     * @throws GerbilException if the vocabulary has more entries than the model has rows
     */
    public LanguageModel(GptJ model, Vocabulary vocabulary) {
        requireRows(model.config().vocabulary(), vocabulary);
        this.model = model;
        this.tokenizer = new Tokenizer(vocabulary);
    }

    /**
     * @throws GerbilException if a vocabulary has more entries than an embedding has rows
     */
    public static void requireRows(int rows, Vocabulary vocabulary) {
        if (vocabulary.size() > rows) {
            throw new GerbilException("the tokenizer " + vocabulary + " of " + vocabulary.size() + " entries and a "
                    + "model with " + rows + " rows in its embedding", "a row for each entry",
                    "take the tokenizer that the model was trained with");
        }
    }

    /** The model itself. */
    public GptJ model() {
        return model;
    }

    /** What the model reads and writes. */
    public Tokenizer tokenizer() {
        return tokenizer;
    }

    /** The tokenizer's vocabulary; the model may have rows beyond it that no text uses. */
    public Vocabulary vocabulary() {
        return tokenizer.vocabulary();
    }

    /** SHA-256 of the weights as little-endian float32, tensors in the order of their names; hexadecimal. */
    public String sha256() {
        MessageDigest digest = Sha256.begin();
        new TreeMap<>(model.weights()).forEach((name, weight) -> digest.update(weight.toByteBuffer()));
        return Sha256.hex(digest);
    }

    /** What a run that begins with this model says of it, under a name. */
    public BaseModel base(String name) {
        return new BaseModel(name, sha256(), model.config());
    }

    /**
     * Continues a text until the model ends the document.
     *
     * @param prompt may be empty: then a new document is begun
     * @param tokens to add at most
     * @param seed the same seed gives the same text
     * @return prompt and continuation
     * @throws GerbilException if prompt and continuation exceed the model's context length
     */
    public String continueText(String prompt, int tokens, Sampling sampling, long seed) {
        return continueText(prompt, 1, tokens, sampling, seed).get(0);
    }

    /**
     * Continues a text several times at once.
     *
     * @param count of continuations
     * @param tokens to add at most
     * @param seed of the first continuation; each has the next
     * @return prompt and continuation of each
     * @throws GerbilException if prompt and continuation exceed the model's context length
     */
    public List<String> continueText(String prompt, int count, int tokens, Sampling sampling, long seed) {
        int[] text = tokenizer.encode(prompt);
        int[] start = vocabulary().hasSpecialTokens() ? format("").causalPrompt(text)
                : IntStream.concat(IntStream.of(vocabulary().endOfText()), IntStream.of(text)).toArray();
        return answers(start, count, tokens, sampling, seed).stream().map(prompt::concat).toList();
    }

    /**
     * Fills in what is missing between two texts. White space at the end of either belongs to the tag that follows, as
     * in transformers' {@code <fitm_start>prefix<multiple_tok_mask>suffix<fitm_result>}: the model does not see it, and
     * the prefix's stands in place of any that the model begins with.
     *
     * @param prefix may be empty, if the suffix is not
     * @param suffix may be empty, if the prefix is not
     * @param tokens to fill in at most; the model may end earlier
     * @param seed the same seed gives the same text
     * @return what stands between the two
     * @throws GerbilException if this is no Blender model, both texts are empty or white space, or they and the
     *     tokens exceed the model's context length
     */
    public String infill(String prefix, String suffix, int tokens, Sampling sampling, long seed) {
        String middle = answers(infillPrompt(prefix, suffix), 1, tokens, sampling, seed).get(0);
        return SpecialToken.textBefore(prefix).equals(prefix) ? middle : middle.stripLeading();
    }

    int[] infillPrompt(String prefix, String suffix) {
        BlenderFormat format = format("fill in the middle");
        int[] before = tokenizer.encode(SpecialToken.textBefore(prefix));
        int[] after = tokenizer.encode(SpecialToken.textBefore(suffix));
        if (before.length + after.length == 0) {
            throw new GerbilException("nothing before and nothing after the middle", "a prefix, a suffix or both",
                    "give one of them, or let the model begin a text of its own with continueText");
        }
        return format.fillPrompt(before, after);
    }

    /**
     * Puts a token in the place of each {@code <single_tok_mask>} in a text and of the white space before it, as in the
     * published example: {@code an <single_tok_mask> text} asks for a token that may begin with a space. White space at
     * the text's end is not the model's to see, but stays.
     *
     * @param seed the same seed gives the same text
     * @return the text, filled in
     * @throws GerbilException if this is no Blender model, the text has no mask, other special tokens or nothing but
     *     masks, or is too long for the model's context length
     */
    public String fillMasks(String text, Sampling sampling, long seed) {
        BlenderFormat format = format("fill masks");
        int[] prompt = maskedPrompt(text);
        int mask = vocabulary().id(SpecialToken.SINGLE_TOK_MASK);
        int masks = (int) Arrays.stream(prompt).filter(id -> id == mask).count();
        int last = vocabulary().textSize() - 1;
        int[] ids = generated(vocabulary().isText(last) ? last + 1 : last, masks, sampling,
                List.of(new Generator.Prompt(prompt, seed, id -> false))).get(0);
        int[] filled = format.filled(prompt, Arrays.copyOfRange(ids, prompt.length, ids.length));
        return tokenizer.decode(Arrays.copyOfRange(filled, 1, prompt.length - 1))
                + text.substring(SpecialToken.textBefore(text).length());
    }

    int[] maskedPrompt(String text) {
        return format("fill masks").maskedPrompt(tokenizer.encodeTagged(SpecialToken.textBefore(text)));
    }

    private BlenderFormat format(String wanted) {
        if (!vocabulary().hasSpecialTokens()) {
            throw new GerbilException("a causal model, " + this + ", that is to " + wanted,
                    "a Blender model, which is trained to",
                    "train one (a run of Objective.BLENDER), or let this one continue a text");
        }
        return new BlenderFormat(vocabulary());
    }

    /** Texts after a prompt, until the model ends them. */
    private List<String> answers(int[] prompt, int count, int tokens, Sampling sampling, long seed) {
        int end = vocabulary().endOfText();
        List<Generator.Prompt> prompts = IntStream.range(0, count)
                .mapToObj(i -> new Generator.Prompt(prompt, seed + i, id -> id == end)).toList();
        return generated(vocabulary().textSize(), tokens, sampling, prompts).stream()
                .map(ids -> tokenizer.continuation(Arrays.stream(ids).skip(prompt.length).filter(id -> id != end)
                        .toArray())).toList();
    }

    /** Of ids below {@code drawn}, with the weights as they are now: the model may be in training. */
    private List<int[]> generated(int drawn, int count, Sampling sampling, List<Generator.Prompt> prompts) {
        try (Generator generator = new Generator(model, vocabulary().size(), drawn)) {
            return generator.generate(prompts, count, sampling);
        }
    }

    /** What the model is called in messages. */
    @Override
    public String toString() {
        return "a GPT-J of " + model.config().parameters() + " parameters with the tokenizer " + vocabulary();
    }

    @Override
    public void close() {
        model.close();
    }
}
