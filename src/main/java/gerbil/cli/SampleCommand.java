package gerbil.cli;

import gerbil.hub.LanguageModel;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.concurrent.Callable;

@Command(name = "sample", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Lets a trained model continue a text.")
final class SampleCommand implements Callable<Integer> {

    @Mixin
    private GenerationOptions options;

    @Option(names = "--prompt", defaultValue = "", paramLabel = "TEXT",
            description = "What to continue (default: the beginning of a document).")
    private String prompt;

    @Option(names = "--tokens", defaultValue = "100", paramLabel = "N",
            description = "Tokens to add at most (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Override
    public Integer call() throws IOException {
        try (LanguageModel model = options.open()) {
            System.out.println(model.continueText(prompt, tokens, options.sampling(0.8), options.seed()));
        }
        return 0;
    }
}
