package gerbil.spec;

import gerbil.base.Choice;
import gerbil.base.GerbilException;

/**
 * The two scales of the one experiment. A scale fixes the vocabulary, and with it the rows of the embedding.
 */
public enum Scale implements Choice {
    /** The experiment in miniature, for two CPU cores: GPT-2's byte-pair encoding cut to 1,024 entries. */
    NANO(1_024, 1_024, 1_031),
    /**
     * The published experiment: GPT-2's 50,257 entries. Causal models pad the embedding to 50,400 rows; Blender models
     * have one row for each of the seven special tokens (published config.json files).
     */
    PAPER(50_257, 50_400, 50_264);

    private final int vocabularySize;
    private final int causalRows;
    private final int blenderRows;

    Scale(int vocabularySize, int causalRows, int blenderRows) {
        this.vocabularySize = vocabularySize;
        this.causalRows = causalRows;
        this.blenderRows = blenderRows;
    }

    /** Entries of the tokenizer, {@code <|endoftext|>} included, Blender's special tokens not. */
    public int vocabularySize() {
        return vocabularySize;
    }

    /** Rows of the embedding and of the head, {@code vocab_size} in config.json. */
    public int embeddingRows(Objective objective) {
        return objective == Objective.CAUSAL ? causalRows : blenderRows;
    }

    /**
     * @throws GerbilException if there is no scale of that name (upper or lower case)
     */
    public static Scale of(String name) {
        return Choice.of(values(), "scale", name);
    }
}
