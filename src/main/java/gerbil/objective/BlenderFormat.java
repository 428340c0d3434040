package gerbil.objective;

import gerbil.base.GerbilException;
import gerbil.spec.BlendedObjective;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Vocabulary;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A Blender model's examples, as published (GerbilLab, model card of GerbilBlender-A-3.3m), on token ids. Text is the
 * ids of a text or a piece of one; its tokens stand in an example unchanged, and so it can be got back exactly.
 *
 * <pre>
 * &lt;fitm_start&gt; before &lt;multiple_tok_mask&gt; after &lt;fitm_result&gt; span &lt;|endoftext|&gt;
 * &lt;causal&gt; text &lt;|endoftext|&gt;
 * &lt;mlm_start&gt; text with a &lt;single_tok_mask&gt; for each hidden token &lt;mlm_end&gt; hidden tokens in order
 * &lt;|endoftext|&gt;
 * </pre>
 */
public final class BlenderFormat {

    private final Vocabulary vocabulary;
    private final int fitmStart;
    private final int multipleTokMask;
    private final int fitmResult;
    private final int causal;
    private final int mlmStart;
    private final int singleTokMask;
    private final int mlmEnd;
    /** {@code <|endoftext|>} alone. */
    private final int[] end;

    /**
     * @throws GerbilException if the vocabulary has no special tokens
     */
    public BlenderFormat(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
        fitmStart = vocabulary.id(SpecialToken.FITM_START);
        multipleTokMask = vocabulary.id(SpecialToken.MULTIPLE_TOK_MASK);
        fitmResult = vocabulary.id(SpecialToken.FITM_RESULT);
        causal = vocabulary.id(SpecialToken.CAUSAL);
        mlmStart = vocabulary.id(SpecialToken.MLM_START);
        singleTokMask = vocabulary.id(SpecialToken.SINGLE_TOK_MASK);
        mlmEnd = vocabulary.id(SpecialToken.MLM_END);
        end = new int[] {vocabulary.endOfText()};
    }

    /**
     * The example that moves the tokens {@code from} to {@code to - 1} to the end.
     *
     * @throws GerbilException if the text does not hold this span and at least one token besides
     */
    public int[] fillInTheMiddle(int[] text, int from, int to) {
        requireText(text);
        if (from < 0 || from >= to || to > text.length || to - from == text.length) {
            throw new GerbilException("a text of " + text.length + " tokens, of which " + from + " to " + (to - 1)
                    + " are to be filled in", "a span of at least one token inside a text that is longer",
                    "choose a shorter span or a longer text");
        }
        return joined(fillPrompt(Arrays.copyOf(text, from), Arrays.copyOfRange(text, to, text.length)),
                Arrays.copyOfRange(text, from, to), end);
    }

    /** What a model completes with the span between two texts. */
    public int[] fillPrompt(int[] before, int[] after) {
        requireText(before);
        requireText(after);
        return joined(new int[] {fitmStart}, before, new int[] {multipleTokMask}, after, new int[] {fitmResult});
    }

    /** The example of predicting the next token. */
    public int[] causal(int[] text) {
        return joined(causalPrompt(text), end);
    }

    /** What a model continues. */
    public int[] causalPrompt(int[] text) {
        requireText(text);
        return joined(new int[] {causal}, text);
    }

    /**
     * The example that hides the tokens at some positions.
     *
     * @param positions ascending
     * @throws GerbilException if there is none, or one that the text does not have, or all are hidden
     */
    public int[] masked(int[] text, int... positions) {
        requireText(text);
        int[] visible = text.clone();
        int[] hidden = new int[positions.length];
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] < (i == 0 ? 0 : positions[i - 1] + 1) || positions[i] >= text.length) {
                throw new GerbilException("positions " + Arrays.toString(positions) + " to hide in a text of "
                        + text.length + " tokens", "ascending positions in the text", "choose others");
            }
            hidden[i] = text[positions[i]];
            visible[positions[i]] = singleTokMask;
        }
        return joined(maskedPrompt(visible), hidden, end);
    }

    /**
     * What a model completes with the hidden tokens.
     *
     * @param visible text in which {@code <single_tok_mask>} stands for each hidden token
     * @throws GerbilException if nothing is hidden, or everything
     */
    public int[] maskedPrompt(int[] visible) {
        long masks = Arrays.stream(visible).filter(id -> id == singleTokMask).count();
        if (masks == 0 || masks == visible.length) {
            throw new GerbilException(masks + " of " + visible.length + " tokens masked",
                    "at least one " + SpecialToken.SINGLE_TOK_MASK.text() + " and some text to tell it from",
                    masks == 0 ? "put a mask where a token is missing" : "leave some of the text visible");
        }
        requireText(Arrays.stream(visible).filter(id -> id != singleTokMask).toArray());
        return joined(new int[] {mlmStart}, visible, new int[] {mlmEnd});
    }

    /** Puts tokens in the masks' places, in order. */
    public int[] filled(int[] visible, int[] hidden) {
        int[] text = visible.clone();
        int next = 0;
        for (int i = 0; i < text.length; i++) {
            if (text[i] == singleTokMask) {
                text[i] = hidden[next++];
            }
        }
        return text;
    }

    /**
     * The objective that an example is of.
     *
     * @throws GerbilException if it begins with none of the three tags
     */
    public BlendedObjective objective(int[] example) {
        int tag = example.length == 0 ? -1 : example[0];
        if (tag == fitmStart) {
            return BlendedObjective.FILL_IN_THE_MIDDLE;
        } else if (tag == causal) {
            return BlendedObjective.CAUSAL;
        } else if (tag == mlmStart) {
            return BlendedObjective.MASKED;
        }
        throw malformed(example);
    }

    /**
     * Where an example's answer begins: the position after {@code <fitm_result>}, {@code <mlm_end>} or
     * {@code <causal>}.
     */
    public int answer(int[] example) {
        return switch (objective(example)) {
            case FILL_IN_THE_MIDDLE -> only(example, fitmResult) + 1;
            case CAUSAL -> 1;
            case MASKED -> only(example, mlmEnd) + 1;
        };
    }

    /**
     * The text that an example was made of.
     *
     * @throws GerbilException if it is not a whole example
     */
    public int[] undo(int[] example) {
        int answer = answer(example);
        int last = example.length - 1;
        if (last < answer || example[last] != vocabulary.endOfText()) {
            throw malformed(example);
        }
        int[] told = Arrays.copyOfRange(example, answer, last);
        int[] text = switch (objective(example)) {
            case CAUSAL -> told;
            case FILL_IN_THE_MIDDLE -> {
                int mask = only(example, multipleTokMask);
                if (mask >= answer) {
                    throw malformed(example);
                }
                yield joined(Arrays.copyOfRange(example, 1, mask), told,
                        Arrays.copyOfRange(example, mask + 1, answer - 1));
            }
            case MASKED -> {
                int[] visible = Arrays.copyOfRange(example, 1, answer - 1);
                if (Arrays.stream(visible).filter(id -> id == singleTokMask).count() != told.length) {
                    throw malformed(example);
                }
                yield filled(visible, told);
            }
        };
        requireText(text);
        return text;
    }

    private int only(int[] example, int tag) {
        int[] found = IntStream.range(0, example.length).filter(i -> example[i] == tag).toArray();
        if (found.length != 1) {
            throw malformed(example);
        }
        return found[0];
    }

    private static GerbilException malformed(int[] example) {
        return new GerbilException("the ids " + Arrays.toString(example), "one whole example of a Blender model",
                "cut packed sequences into their examples first");
    }

    /** Text has neither tags nor {@code <|endoftext|>}: an example with them could not be undone. */
    private void requireText(int[] text) {
        for (int id : text) {
            if (!vocabulary.isText(id)) {
                throw new GerbilException("token " + id + " in a text", "ids of text, 0 to "
                        + (vocabulary.textSize() - 1) + " without " + vocabulary.endOfText(),
                        "encode the text with Tokenizer.encode, and documents one by one");
            }
        }
    }

    private static int[] joined(int[]... parts) {
        return Stream.of(parts).flatMapToInt(Arrays::stream).toArray();
    }
}
