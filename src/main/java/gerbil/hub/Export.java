package gerbil.hub;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.WholeFile;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;
import gerbil.safetensors.SafeTensors;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.nio.file.Path;

/** Writes a model as a folder that transformers' Auto classes load with nothing added. */
public final class Export {

    private Export() {
    }

    /**
     * Writes {@code config.json}, {@code generation_config.json}, {@code model.safetensors} (float32), the tokenizer's
     * files and {@code README.md}, the model's card.
     *
     * @param folder new or empty
     * @throws GerbilException if the folder has content, or weights are not numbers
     * @throws IOException if the disk is full or not writable
     */
    public static void write(LanguageModel model, ModelCard card, Path folder) throws IOException {
        write(model.model(), model.vocabulary(), card.markdown(), folder);
    }

    /** The same of a model that no run has trained by itself, with a card in Markdown. */
    public static void write(GptJ model, Vocabulary vocabulary, String card, Path folder) throws IOException {
        Folders.requireEmpty(folder);
        GptJTensors.requireFinite(model.weights());
        Folders.create(folder);
        var config = model.config();
        Json.write(folder.resolve("config.json"), TransformersConfig.of(config, vocabulary));
        Json.write(folder.resolve("generation_config.json"), TransformersConfig.generation(config, vocabulary));
        TransformersTokenizer.write(vocabulary, config.contextLength(), folder);
        WholeFile.write(folder.resolve("README.md"), card);
        SafeTensors.write(folder.resolve("model.safetensors"), model.weights());
    }
}
