package gerbil.cli;

import gerbil.corpus.Corpus;
import gerbil.corpus.TextFolder;
import gerbil.spec.Scale;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparedTokens;
import gerbil.tokens.TokenSet;
import gerbil.train.Workspace;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;

@Command(name = "prepare", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Turns a corpus into token sets: uint16 shards to train on, and held-out documents beside them.")
final class PrepareCommand implements Callable<Integer> {

    @Option(names = "--scale", defaultValue = "nano", paramLabel = "SCALE",
            description = "nano (default): 1,024 vocabulary entries. paper: GPT-2's 50,257.")
    private String scale;

    @Option(names = "--corpus", paramLabel = "FOLDER",
            description = "A folder of text files or jsonl files with a field \"text\" "
                    + "(default: the pinned source jars in data/corpus).")
    private Path corpus;

    @Option(names = "--tokens", paramLabel = "N",
            description = "Stop when this many training tokens are written "
                    + "(default: 30M at nano scale, all at paper scale). 500k, 60M are understood.")
    private String tokens;

    @Option(names = "--seed", defaultValue = "0",
            description = "Seed of the documents' order (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--out", paramLabel = "FOLDER",
            description = "Where to write (default: data/tokens/<scale>; must be given with --corpus).")
    private Path out;

    @Override
    public Integer call() {
        Workspace workspace = Workspace.here();
        Scale wanted = Scale.of(scale);
        if (corpus != null && out == null) {
            throw new gerbil.spec.GerbilException("--corpus without --out", "a folder for this corpus's tokens",
                    "name one, say --out data/tokens/mine, and train with --tokens-folder data/tokens/mine");
        }
        Corpus source = corpus == null ? workspace.defaultCorpus() : TextFolder.open(corpus);
        PreparedTokens prepared = Preparation.prepare(source, Workspace.vocabulary(wanted),
                out == null ? workspace.tokens(wanted) : out,
                tokens == null ? Workspace.defaultTokens(wanted) : Numbers.parse(tokens),
                Workspace.HELD_OUT_TOKENS, seed, new ConsoleProgress());
        print("training", prepared.train());
        print("held out", prepared.heldout());
        return 0;
    }

    private static void print(String what, TokenSet set) {
        System.out.printf(Locale.ROOT, "%s: %,d tokens, %,d documents, %.2f bytes a token, in %s%n", what, set.tokens(),
                set.manifest().documents(), (double) set.manifest().textBytes() / set.tokens(), set.folder());
    }
}
