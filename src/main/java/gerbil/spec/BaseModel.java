package gerbil.spec;

import gerbil.base.GerbilException;

/**
 * The trained model that a run begins with.
 *
 * @param model its name, of letters, digits, dots, hyphens and underscores
 * @param sha256 of its weights
 * @param config its architecture
 * @param trainedLayers how many of its last layers are trained, with the LayerNorm after them, while everything else,
 *     embedding and head too, stays as it is; null, and left out of the hash, to train all of it
 */
public record BaseModel(String model, String sha256, GptJConfig config, Integer trainedLayers) {

    public BaseModel {
        if (!model.matches("[\\w.-]+")) {
            throw new GerbilException("a model named '" + model + "'", "letters, digits, dots, hyphens and underscores",
                    "rename its folder");
        }
        if (trainedLayers != null && (trainedLayers < 1 || trainedLayers > config.layers())) {
            throw new GerbilException(trainedLayers + " trained layers of " + model, "1 to " + config.layers()
                    + ": with none nothing would learn, and more it has not", "name another number of layers");
        }
    }

    /** A model that is trained as a whole. */
    public BaseModel(String model, String sha256, GptJConfig config) {
        this(model, sha256, config, null);
    }

    /**
     * This model, of which only the last layers are to be trained; with all of its layers only embedding and head stay.
     *
     * @throws GerbilException if it has not as many, or they are none
     */
    public BaseModel lastLayers(int count) {
        return new BaseModel(model, sha256, config, count);
    }
}
