package gerbil.cli;

import gerbil.hub.LanguageModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;

@Command(name = "infill", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Lets a trained Blender model fill in what is missing between two texts; prints the whole.")
final class InfillCommand implements Computation {

    @Mixin
    private GenerationOptions options;

    @Option(names = "--prefix", defaultValue = "", paramLabel = "TEXT", description = "What comes before.")
    private String prefix;

    @Option(names = "--suffix", defaultValue = "", paramLabel = "TEXT", description = "What comes after.")
    private String suffix;

    @Option(names = "--tokens", defaultValue = "40", paramLabel = "N",
            description = "Tokens to fill in at most (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Override
    public Integer call() throws IOException {
        try (LanguageModel model = options.model.open()) {
            System.out.println(prefix + model.infill(prefix, suffix, tokens, options.sampling(0.8), options.seed)
                    + suffix);
        }
        return 0;
    }
}
