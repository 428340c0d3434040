package gerbil.spec;

import gerbil.base.GerbilException;

/**
 * The model that a finetuning run begins with.
 *
 * @param model its name, of letters, digits, dots, hyphens and underscores
 * @param sha256 of its weights
 * @param config its architecture
 */
public record BaseModel(String model, String sha256, GptJConfig config) {

    public BaseModel {
        if (!model.matches("[\\w.-]+")) {
            throw new GerbilException("a model named '" + model + "'", "letters, digits, dots, hyphens and underscores",
                    "rename its folder");
        }
    }
}
