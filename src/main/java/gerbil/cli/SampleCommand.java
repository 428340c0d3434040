package gerbil.cli;

import gerbil.base.GerbilException;
import gerbil.hub.LanguageModel;
import gerbil.kernels.Sampling;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.util.List;

@Command(name = "sample", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Lets a trained model continue a text.")
final class SampleCommand implements Computation {

    /** Texts that are in memory at once. */
    private static final int MOST = 100_000;

    @Mixin
    private GenerationOptions options;

    @Option(names = "--prompt", defaultValue = "", paramLabel = "TEXT",
            description = "What to continue (default: the beginning of a document).")
    private String prompt;

    @Option(names = "--tokens", defaultValue = "100", paramLabel = "N",
            description = "Tokens to add at most (default: ${DEFAULT-VALUE}).")
    private int tokens;

    @Option(names = "--count", defaultValue = "1", paramLabel = "N",
            description = "Texts to write, each with the next seed and below a line that names it (default: "
                    + "${DEFAULT-VALUE}). All are written at once, which takes much less time than one after another.")
    private int count;

    @Override
    public Integer call() throws IOException {
        Sampling sampling = options.sampling(0.8);
        if (count < 1 || count > MOST || count > 1 && sampling.temperature() == 0) {
            throw new GerbilException("--count " + count + " at temperature " + sampling.temperature(),
                    "a number from 1 to " + MOST
                            + ", and 1 where the likeliest token is taken each time: all texts would be the same",
                    "change --count or --temperature");
        }
        try (LanguageModel model = options.model.open()) {
            List<String> texts = model.continueText(prompt, count, tokens, sampling, options.seed);
            for (int i = 0; i < count; i++) {
                System.out.println((count == 1 ? "" : "--- seed " + (options.seed + i) + "\n") + texts.get(i));
            }
        }
        return 0;
    }
}
