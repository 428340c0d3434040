package gerbil.runs;

import gerbil.base.GerbilException;
import gerbil.base.Progress;
import gerbil.corpus.Corpora;
import gerbil.corpus.Corpus;
import gerbil.corpus.SourceJars;
import gerbil.spec.BudgetClass;
import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.spec.Scale;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparedTokens;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Where the kit's files are, under one folder: {@code data/corpus}, {@code data/tokens}, {@code runs}, {@code results}.
 */
public record Workspace(Path home) {

    /** Held-out tokens that are prepared beside the training tokens. */
    public static final long HELD_OUT_TOKENS = 250_000;

    /** Held-out tokens that a loss is taken over, at most. */
    public static final int SCORED_TOKENS = 200_000;

    private static final long NANO_TOKENS = 30_000_000;
    private static final String FETCH = "GERBIL_FETCH_CORPUS";

    /** The folder that the system property {@code gerbil.home} names, or the current one. */
    public static Workspace here() {
        return new Workspace(Path.of(System.getProperty("gerbil.home", "")).toAbsolutePath());
    }

    /** Folder of the default corpus's source jars. */
    public Path corpus() {
        return home.resolve("data/corpus");
    }

    /** Folder of a scale's token sets, in {@code data/tokens} or in what the variable {@code GERBIL_TOKENS} names. */
    public Path tokens(Scale scale) {
        return home.resolve(System.getenv().getOrDefault("GERBIL_TOKENS", "data/tokens")).resolve(scale.label());
    }

    /** Folder of all runs: {@code runs}, or what the environment variable {@code GERBIL_RUNS} names. */
    public Path runs() {
        return home.resolve(System.getenv().getOrDefault("GERBIL_RUNS", "runs"));
    }

    /** The runs that are in {@link #runs} now. */
    public RunList runList() {
        return RunList.under(runs());
    }

    /** The scale that notebooks run at: the environment variable {@code GERBIL_SCALE}, or nano. */
    public static Scale scale() {
        return Scale.of(System.getenv().getOrDefault("GERBIL_SCALE", Scale.NANO.label()));
    }

    /**
     * The sizes that notebooks train: those that the environment variable {@code GERBIL_SIZES} names, with commas
     * between them, or the scale's published ones, small to large.
     *
     * @throws gerbil.base.GerbilException if one of them is no size of the scale
     */
    public static List<String> sizes() {
        List<String> all = ModelSize.of(scale()).stream().filter(ModelSize::inTheTable).map(ModelSize::name).toList();
        String named = System.getenv("GERBIL_SIZES");
        List<String> sizes = named == null || named.isBlank() ? all : List.of(named.strip().split("\\s*,\\s*"));
        for (String size : sizes) {
            if (ModelSize.of(size).scale() != scale()) {
                throw new GerbilException("GERBIL_SIZES with " + size, "sizes of the " + scale().label() + " scale: "
                        + all,
                        "name some of these, or set GERBIL_SCALE");
            }
        }
        return sizes;
    }

    /** Runs that answer one question, whose rows are kept in a folder of {@link #results} of that name. */
    public Sweep sweep(String name, List<RunSpec> specs) {
        return new Sweep(specs, runs(), results().resolve(Sweep.FOLDER).resolve(name));
    }

    /** Folder of the loss table: {@code results}, or what the environment variable {@code GERBIL_RESULTS} names. */
    public Path results() {
        return home.resolve(System.getenv().getOrDefault("GERBIL_RESULTS", "results"));
    }

    /** The default corpus of the scale that notebooks run at. */
    public Corpus defaultCorpus() {
        return defaultCorpus(scale());
    }

    /**
     * A scale's default corpus; the paper scale's holds the nano scale's. Before it is read, the program that the
     * environment variable {@code GERBIL_FETCH_CORPUS} names, called with the scale, sees to it that it is there, and its
     * checksums are verified.
     */
    public Corpus defaultCorpus(Scale scale) {
        Runnable fetch = () -> fetch(scale.label());
        return scale == Scale.NANO ? SourceJars.few(corpus(), fetch) : SourceJars.all(corpus(), fetch);
    }

    /** Whether a default corpus is here or can be fetched: in a folder of the command line alone there is none. */
    public boolean hasCorpus() {
        return System.getenv(FETCH) != null || Files.exists(corpus());
    }

    private static void fetch(String scale) {
        String fetch = System.getenv(FETCH);
        if (fetch == null) {
            return;
        }
        try {
            Process process = new ProcessBuilder(fetch, scale).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            try {
                if (process.waitFor() != 0) {
                    throw new GerbilException(fetch + " without success",
                            "the default corpus, or a network to fetch it from",
                            "call that program in a terminal, which says why, or name a corpus of your own");
                }
            } finally {
                process.destroy();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new GerbilException("an interrupt while the default corpus was fetched", "time for that",
                    "do it again", e);
        }
    }

    /** Training tokens that a scale's largest default run needs: 30M at nano scale, the whole corpus at paper scale. */
    public static long defaultTokens(Scale scale) {
        return scale == Scale.NANO ? NANO_TOKENS : Long.MAX_VALUE;
    }

    /** A scale's tokenizer. */
    public static Vocabulary vocabulary(Scale scale) {
        return Vocabulary.cut(scale.vocabularySize());
    }

    /** The default corpus's token sets at a scale, prepared if they are not there yet. */
    public PreparedTokens prepare(Scale scale, Progress progress) {
        return prepare(scale, vocabulary(scale), progress);
    }

    /**
     * The same in a vocabulary. In another than the scale's, the held-out documents are those that a loss in the scale's
     * is taken over, so that bits a byte can be compared.
     */
    public PreparedTokens prepare(Scale scale, Vocabulary vocabulary, Progress progress) {
        return Preparation.prepare(defaultCorpus(scale), vocabulary, inVocabulary(tokens(scale), scale, vocabulary),
                defaultTokens(scale), heldOutTokens(scale, vocabulary, progress), 0, progress);
    }

    /** Held-out tokens of a vocabulary that are prepared of the default corpus. */
    public long heldOutTokens(Scale scale, Vocabulary vocabulary, Progress progress) {
        return isOf(scale, vocabulary) ? HELD_OUT_TOKENS
                : prepare(scale, progress).heldout().tokensIn(vocabulary, SCORED_TOKENS);
    }

    /** The folder in place of a folder of token sets in the scale's vocabulary. */
    public static Path inVocabulary(Path folder, Scale scale, Vocabulary vocabulary) {
        return isOf(scale, vocabulary) ? folder : folder.resolveSibling(folder.getFileName() + "-" + vocabulary);
    }

    private static boolean isOf(Scale scale, Vocabulary vocabulary) {
        return vocabulary.id().equals(vocabulary(scale).id());
    }

    /**
     * Token sets of a corpus of one's own, all of it, in {@code data/tokens} under the name of its file or folder and
     * the scale's, prepared if they are not there yet.
     *
     * @param corpus as {@link Corpora#open}
     * @throws GerbilException if the token sets of that name are of another corpus, or of this one as it was before
     */
    public PreparedTokens prepare(Scale scale, String corpus, Progress progress) {
        return Preparation.prepare(Corpora.open(corpus, downloads(corpus), progress), vocabulary(scale),
                tokens(scale, corpus), Long.MAX_VALUE, HELD_OUT_TOKENS, 0, progress);
    }

    /** Folder of a corpus's token sets. */
    public Path tokens(Scale scale, String corpus) {
        return tokens(scale).resolveSibling(Corpora.label(corpus) + "-" + scale.label());
    }

    /** Folder of the files that are fetched for a corpus. */
    public Path downloads(String corpus) {
        return home.resolve("data/downloads").resolve(Corpora.label(corpus));
    }

    /** The default causal run of a size and class on a token set. */
    public static RunSpec spec(String size, String budgetClass, PreparedTokens tokens) {
        return spec(size, budgetClass, Objective.CAUSAL, tokens);
    }

    /**
     * The default run of a size, class and objective on a token set. Where that is of another vocabulary than the
     * size's scale has, embedding and head have a row for each of its entries, and the budget follows the parameters.
     *
     * @throws GerbilException if the objective is Blender's and the vocabulary has no room for its special tokens, or
     *     the class is a star class and the vocabulary not the scale's
     */
    public static RunSpec spec(String size, String budgetClass, Objective objective, PreparedTokens tokens) {
        ModelSize named = ModelSize.of(size);
        String vocabulary = tokens.train().manifest().tokenizer();
        RunSpec spec = RunSpec.of(named, BudgetClass.of(budgetClass), objective, 0, vocabulary, tokens.train().hash(),
                tokens.heldout().hash());
        if (vocabulary.equals(vocabulary(named.scale()).id())) {
            return spec;
        }
        spec.before().ifPresent(before -> {
            throw new GerbilException("class " + budgetClass + " on tokens of the vocabulary " + vocabulary,
                    vocabulary(named.scale()).id() + ", since that is what the class's budget is for",
                    "finetune a finished run of class " + before.budgetClass() + " with a budget of your own");
        });
        Vocabulary text = tokens.train().vocabulary();
        GptJConfig causal = named.config(Objective.CAUSAL).withVocabulary(text.size());
        return spec.withArchitecture(objective == Objective.CAUSAL ? causal
                        : causal.withVocabulary(text.withSpecialTokens().size()))
                .withTokens(spec.budgetClass().tokensPerParameter() * causal.parameters());
    }
}
