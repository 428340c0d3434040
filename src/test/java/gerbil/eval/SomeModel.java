package gerbil.eval;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import gerbil.model.GptJ;
import gerbil.spec.GptJConfig;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

/** A small model of 64 positions whose opinions differ from token to token, though nobody taught it any. */
final class SomeModel {

    static final Vocabulary VOCABULARY = Vocabulary.cut(1_024);
    static final Tokenizer TOKENIZER = new Tokenizer(VOCABULARY);
    static final int POSITIONS = 64;

    private SomeModel() {
    }

    static GptJ create(NDManager manager) {
        GptJ model = GptJ.initialized(new GptJConfig(1_030, 32, 12, 2, 16, POSITIONS), manager, 0);
        for (NDArray weight : model.weights().values()) {
            if (weight.getShape().dimension() == 2) {
                weight.stopGradient().set(new NDIndex("..."), weight.mul(8));
            }
        }
        return model;
    }
}
