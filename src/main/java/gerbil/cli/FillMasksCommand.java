package gerbil.cli;

import gerbil.hub.LanguageModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;

@Command(name = "fill-masks", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Lets a trained Blender model put a token in the place of each <single_tok_mask> in a text.")
final class FillMasksCommand implements Computation {

    @Mixin
    private GenerationOptions options;

    @Option(names = "--text", required = true, paramLabel = "TEXT",
            description = "Text with masks; white space before a mask belongs to it.")
    private String text;

    @Override
    public Integer call() throws IOException {
        try (LanguageModel model = options.model.open()) {
            System.out.println(model.fillMasks(text, options.sampling(0), options.seed));
        }
        return 0;
    }
}
