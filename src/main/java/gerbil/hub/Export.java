package gerbil.hub;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.safetensors.SafeTensors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Writes a model as a folder that transformers' Auto classes load with nothing added. */
public final class Export {

    private Export() {
    }

    /**
     * Writes {@code config.json}, {@code generation_config.json}, {@code model.safetensors} (float32), the tokenizer's
     * files and {@code README.md}, the model's card.
     *
     * @param folder new or empty
     * @throws GerbilException if the folder has content
     * @throws IOException if the disk is full or not writable
     */
    public static void write(LanguageModel model, ModelCard card, Path folder) throws IOException {
        requireEmpty(folder);
        Folders.create(folder);
        var config = model.model().config();
        Json.write(folder.resolve("config.json"), TransformersConfig.of(config, model.vocabulary()));
        Json.write(folder.resolve("generation_config.json"), TransformersConfig.generation(config, model.vocabulary()));
        TransformersTokenizer.write(model.vocabulary(), config.contextLength(), folder);
        Files.writeString(folder.resolve("README.md"), card.markdown());
        SafeTensors.write(folder.resolve("model.safetensors"), model.model().weights());
    }

    private static void requireEmpty(Path folder) throws IOException {
        if (Files.isRegularFile(folder)) {
            throw new GerbilException("the file " + folder, "a new or an empty folder", "choose another name");
        }
        if (Files.isDirectory(folder)) {
            try (Stream<Path> content = Files.list(folder)) {
                if (content.findAny().isPresent()) {
                    throw new GerbilException(folder + " has content", "a new or an empty folder",
                            "delete it or choose another folder");
                }
            }
        }
    }
}
