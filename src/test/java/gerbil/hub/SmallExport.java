package gerbil.hub;

import ai.djl.ndarray.NDManager;
import gerbil.model.GptJ;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.nio.file.Path;

/** Exports of a model of 40k that was never trained. */
final class SmallExport {

    private SmallExport() {
    }

    static LanguageModel model(Objective objective) {
        Vocabulary text = Vocabulary.cut(1_024);
        return new LanguageModel(GptJ.initialized(ModelSize.of("40k").config(objective), NDManager.newBaseManager(), 5),
                objective == Objective.BLENDER ? text.withSpecialTokens() : text);
    }

    static Path write(Objective objective, Path folder) throws IOException {
        try (LanguageModel model = model(objective)) {
            Export.write(model, Cards.of(objective == Objective.BLENDER ? "40k-blender" : "40k"), folder);
        }
        return folder;
    }
}
