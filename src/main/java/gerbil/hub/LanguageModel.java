package gerbil.hub;

import gerbil.model.Generator;
import gerbil.model.GptJ;
import gerbil.model.Sampling;
import gerbil.spec.GerbilException;
import gerbil.tokens.Tokenizer;
import gerbil.tokens.Vocabulary;

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

    static void requireRows(int rows, Vocabulary vocabulary) {
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
        Vocabulary vocabulary = vocabulary();
        int[] start = IntStream.concat(IntStream.of(vocabulary.endOfText()), IntStream.of(tokenizer.encode(prompt)))
                .toArray();
        int[] ids = new Generator(model, vocabulary.size())
                .generate(start, tokens, sampling, seed, id -> id == vocabulary.endOfText());
        return tokenizer.decode(IntStream.of(ids).filter(id -> id != vocabulary.endOfText()).toArray());
    }

    @Override
    public void close() {
        model.close();
    }
}
