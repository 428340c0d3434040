package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import gerbil.spec.GptJConfig;

/** A model small enough to be run thousands of times, with weights large enough that its logits differ. */
public final class TinyModel {

    public static final GptJConfig CONFIG = new GptJConfig(50, 16, 2, 2, 4, 24);

    private TinyModel() {
    }

    public static GptJ create(NDManager manager, long seed) {
        return create(CONFIG, manager, seed);
    }

    public static GptJ create(GptJConfig config, NDManager manager, long seed) {
        GptJ model = GptJ.initialized(config, manager, seed);
        for (NDArray weight : model.weights().values()) {
            if (weight.getShape().dimension() == 2) {
                weight.stopGradient().set(new NDIndex("..."), weight.mul(12));
            }
        }
        return model;
    }
}
