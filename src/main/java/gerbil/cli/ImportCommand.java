package gerbil.cli;

import gerbil.eval.HeldOutLoss;
import gerbil.hub.LanguageModel;
import gerbil.runs.Workspace;
import gerbil.spec.GptJConfig;
import gerbil.tokens.PreparedTokens;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

@Command(name = "import", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Checks a folder of transformers that holds a GPT-J, and says what is in it and, on given "
                + "tokens, how well it predicts. sample, infill, fill-masks and train --from take the folder as it is.")
final class ImportCommand implements Computation {

    /** Tokens of a window, as in the training of the paper sizes. */
    private static final int WINDOW = 512;

    @Mixin
    private ModelOption option;

    @Option(names = "--tokens-folder", paramLabel = "FOLDER",
            description = "Token sets, such as data/tokens/nano, whose held-out text is to be predicted.")
    private Path tokensFolder;

    @Override
    public Integer call() throws IOException {
        try (LanguageModel model = option.open()) {
            GptJConfig config = model.model().config();
            System.out.printf(Locale.ROOT, "GPT-J of %,d parameters: %d layers of width %d, %d heads of which %d "
                    + "dimensions are rotated, context length %,d, %,d rows%s; tokenizer %s%s; weights "
                    + "%s%n", config.parameters(),
                    config.layers(), config.width(), config.heads(), config.rotaryDim(), config.contextLength(),
                    config.vocabulary(), config.tied() ? " that are also the head's" : "", model.vocabulary(),
                    model.vocabulary().hasSpecialTokens() ? " with Blender's special tokens" : "",
                    model.sha256().substring(0, 8));
            if (tokensFolder != null) {
                HeldOutLoss loss = loss(model, PreparedTokens.open(tokensFolder));
                System.out.printf(Locale.ROOT, "held-out loss %.4f nats a token, %.4f bits a byte, over %,d tokens%n",
                        loss.loss(), loss.bitsPerByte(), loss.tokens());
            }
        }
        return 0;
    }

    private static HeldOutLoss loss(LanguageModel model, PreparedTokens tokens) {
        return HeldOutLoss.of(model.model(), tokens.heldout(), model.vocabulary(),
                Math.min(WINDOW, model.model().config().contextLength()), Workspace.SCORED_TOKENS);
    }
}
