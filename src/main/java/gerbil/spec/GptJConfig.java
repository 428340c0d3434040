package gerbil.spec;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import gerbil.base.GerbilException;

/**
 * The architecture of one GPT-J model, with the fields of transformers' {@code GPTJConfig}. Fixed for the whole family
 * and so not here: LayerNorm epsilon 1e-5, rotary base 10,000, MLP width 4 x {@code width}, {@code gelu_new}, a head
 * with bias, no dropout, initial weights N(0, 0.02).
 *
 * @param vocabulary rows of embedding and head ({@code vocab_size})
 * @param width {@code n_embd}
 * @param layers {@code n_layer}
 * @param heads {@code n_head}
 * @param rotaryDim dimensions of each head that are rotated ({@code rotary_dim})
 * @param contextLength longest sequence ({@code n_positions})
 * @param tied whether the head's weight is the embedding, one matrix ({@code tie_word_embeddings}), which no published
 *     Gerbil's is; left out of the JSON, and so of a run's hash, where it is not
 */
public record GptJConfig(int vocabulary, int width, int layers, int heads, int rotaryDim,
                         @JsonProperty("positions") int contextLength,
                         @JsonInclude(JsonInclude.Include.NON_DEFAULT) boolean tied) {

    /** Far above any GPT-J: a number beyond it is a slip. */
    public static final int MOST_LAYERS = 1_000;

    public GptJConfig {
        if (Math.min(Math.min(vocabulary, width), Math.min(layers, heads)) < 1 || rotaryDim < 0 || contextLength < 1
                || layers > MOST_LAYERS) {
            throw new GerbilException("a vocabulary of " + vocabulary + ", width " + width + ", " + layers
                    + " layers, " + heads + " heads, rotary_dim " + rotaryDim + ", context length " + contextLength,
                    "numbers above 0, and at most " + MOST_LAYERS + " layers", "change the architecture");
        }
        if (width % heads != 0) {
            throw new GerbilException("width " + width + " with " + heads + " heads",
                    "a width that the number of heads divides", "change the width or the heads");
        }
        if (rotaryDim % 2 != 0 || rotaryDim > width / heads) {
            throw new GerbilException("rotary_dim " + rotaryDim + " with heads of " + width / heads + " dimensions",
                    "an even number no larger than a head", "change the rotary dimensions");
        }
    }

    /** With a head of its own. */
    public GptJConfig(int vocabulary, int width, int layers, int heads, int rotaryDim, int contextLength) {
        this(vocabulary, width, layers, heads, rotaryDim, contextLength, false);
    }

    /** This architecture with the embedding as its head, or with a head of its own. */
    public GptJConfig withTiedHead(boolean tied) {
        return new GptJConfig(vocabulary, width, layers, heads, rotaryDim, contextLength, tied);
    }

    /**
     * This architecture with the width that brings it nearest to a number of parameters; of heads that get too small
     * for the rotary dimensions, all are rotated.
     *
     * @throws GerbilException if that is off by more than a tenth
     */
    public GptJConfig withParameters(long parameters) {
        GptJConfig wider = withWidth(heads);
        GptJConfig nearest;
        do {
            nearest = wider;
            wider = withWidth(nearest.width + heads);
        } while (wider.distance(parameters) < nearest.distance(parameters));
        if (nearest.distance(parameters) > parameters / 10) {
            throw new GerbilException(parameters + " parameters with " + heads + " heads, where the nearest width, "
                    + nearest.width + ", makes " + nearest.parameters(), "a width within a tenth of them",
                    "choose another number, or fewer heads or layers");
        }
        return nearest;
    }

    private GptJConfig withWidth(int width) {
        int headDim = width / heads;
        return new GptJConfig(vocabulary, width, layers, heads, Math.min(rotaryDim, headDim - headDim % 2),
                contextLength, tied);
    }

    private long distance(long parameters) {
        return Math.abs(parameters() - parameters);
    }

    /** This architecture with another number of rows in embedding and head. */
    public GptJConfig withVocabulary(int rows) {
        return new GptJConfig(rows, width, layers, heads, rotaryDim, contextLength, tied);
    }

    /** Dimensions of one head. */
    public int headDim() {
        return width / heads;
    }

    /** Exact number of trained parameters. */
    public long parameters() {
        long embedding = (long) vocabulary * width;
        long head = (tied ? 0 : embedding) + vocabulary;
        return embedding + bodyParameters() + head;
    }

    /** Those of the layers and the last LayerNorm, without embedding and head. */
    public long bodyParameters() {
        long d = width;
        long attention = 4 * d * d;
        long mlp = 8 * d * d + 5 * d;
        long layerNorm = 2 * d;
        return layers * (layerNorm + attention + mlp) + layerNorm;
    }

    /**
     * Operations of a training step's matrix products, a token: 6 for each weight that is multiplied (the embedding is
     * looked up), and causal attention, in which a token sees half the sequence on average.
     */
    public long flopsPerToken(int sequenceLength) {
        long multiplied = 12L * layers * width * width + (long) vocabulary * width;
        return 6 * multiplied + 6L * layers * width * sequenceLength;
    }

    /**
     * @throws GerbilException if a sequence of {@code length} tokens is longer than the context
     */
    public void requireContext(long length) {
        if (length > contextLength) {
            throw new GerbilException("a sequence of " + length + " tokens",
                    "at most " + contextLength + ", the model's context length", "shorten the sequence");
        }
    }
}
