package gerbil.cli;

import gerbil.base.Progress;
import gerbil.base.Units;
import gerbil.corpus.Corpora;
import gerbil.corpus.Corpus;
import gerbil.corpus.Deduplication;
import gerbil.runs.Workspace;
import gerbil.spec.Scale;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparationReport;
import gerbil.tokens.PreparedTokens;
import gerbil.tokens.Screening;
import gerbil.tokens.TokenSet;
import gerbil.train.PrintedProgress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

@Command(name = "prepare", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Turns a corpus into token sets: uint16 shards to train on, and held-out documents beside them.",
        footer = {"", "Order: a shuffle by the seed, the same on every machine. A compressed jsonl file is read from its "
                + "beginning and shuffled by blocks of 4 MB: mix before you compress.",
            "Stopping: killed, interrupted, disk full, network lost? Run the same command again. It goes on in "
                + "<out>.partial, from at most ten seconds before, to the same shards, byte for byte.",
            "Bad input: what is no document (no JSON, no text, not UTF-8, over 128 MB) is counted, told with file and "
                + "line, and passed over. What became of all documents is in report.json.",
            "Duplicates: found by an index on disk, at most 50 bytes a document for exact ones and 500 for near ones, "
                + "and the documents' ids. Memory does not grow with it.",
            "Addresses: files are fetched one by one when their turn comes, go on where a connection was lost, and are "
                + "kept. Proxies are taken from https_proxy, http_proxy and no_proxy.",
            "Data sets of the hub: files that it reads below the folder, those for training where names say so. The "
                + "list of files is kept with them and fixes the revision; delete their folder to take a newer one. "
                + "HF_TOKEN opens gated sets, HF_ENDPOINT names a mirror."})
final class PrepareCommand implements Callable<Integer> {

    private static final int DEFECTS_SHOWN = 10;

    @Option(names = "--scale", defaultValue = "nano", paramLabel = "SCALE",
            description = "nano (default): 1,024 vocabulary entries. paper: GPT-2's 50,257.")
    private String scale;

    @Option(names = "--corpus", paramLabel = "CORPUS",
            description = "A folder, or one file: .jsonl, .jsonl.gz or .jsonl.zst with a field \"text\", .parquet with "
                    + "a column \"text\", any other file as one text. Or hf:OWNER/NAME[:FOLDER][@REVISION], a data set "
                    + "of the Hugging Face hub. Or a list of such files' https addresses, *.urls, a line each, perhaps "
                    + "after a SHA-256 (default: the scale's pinned source jars in data/corpus).")
    private String corpus;

    @Option(names = "--tokenizer", paramLabel = "FILE",
            description = "A tokenizer.json of Hugging Face's library with at most 65,536 ids, in place of the "
                    + "scale's. What ends a text is the eos_token of a tokenizer_config.json beside it, or "
                    + "<|endoftext|>, </s> or the like. Of the default corpus, with the default seed and "
                    + "duplicates, the same documents are held out as in the scale's token set, so that bits a byte can "
                    + "be compared.")
    private Path tokenizer;

    @Option(names = "--downloads", paramLabel = "FOLDER",
            description = "Where files that are fetched are kept (default: data/downloads/<name of the corpus>).")
    private Path downloads;

    @Option(names = "--tokens", paramLabel = "N",
            description = "Stop when this many training tokens are written "
                    + "(default: 30M at nano scale, all at paper scale). 500k, 60M are understood.")
    private String tokens;

    @Option(names = "--seed", defaultValue = "0",
            description = "Seed of the documents' order (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--deduplicate", defaultValue = "exact", paramLabel = "KIND",
            description = "What to drop: exact duplicates of earlier documents (default), near ones too (MinHash, "
                    + "similarity 0.87), or none.")
    private String deduplicate;

    @Option(names = "--bad-documents", defaultValue = "1000", paramLabel = "N",
            description = "How many unreadable documents may be passed over (default: ${DEFAULT-VALUE}).")
    private int badDocuments;

    @Option(names = "--skip-bad-files",
            description = "Pass over the rest of damaged files; without it they end the job.")
    private boolean skipBadFiles;

    @Option(names = "--out", paramLabel = "FOLDER",
            description = "Where to write (default: data/tokens/<scale>, with --corpus <name of the corpus>-<scale>, "
                    + "with another tokenizer than the scale's its id after it).")
    private Path out;

    @Override
    public Integer call() throws IOException {
        Workspace workspace = Workspace.here();
        Scale wanted = Scale.of(scale);
        Vocabulary vocabulary = tokenizer == null ? Workspace.vocabulary(wanted) : Vocabulary.open(tokenizer);
        long most = tokens == null ? Workspace.defaultTokens(wanted) : Units.parseCount(tokens);
        Progress progress = new PrintedProgress(System.err);
        Corpus source = corpus == null ? workspace.defaultCorpus(wanted)
                : Corpora.open(corpus, downloads == null ? workspace.downloads(corpus) : downloads, progress);
        long heldOut = corpus == null ? workspace.heldOutTokens(wanted, vocabulary, progress)
                : Workspace.HELD_OUT_TOKENS;
        Path folder = out != null ? out : Workspace.inVocabulary(corpus == null ? workspace.tokens(wanted)
                : workspace.tokens(wanted, corpus), wanted, vocabulary);
        PreparedTokens prepared = Preparation.prepare(source, vocabulary, folder, most, heldOut, seed,
                new Screening(Deduplication.of(deduplicate), badDocuments, skipBadFiles), progress);
        print("training", prepared.train());
        print("held out", prepared.heldout());
        PreparationReport.of(folder).ifPresent(PrepareCommand::print);
        return 0;
    }

    private static void print(PreparationReport report) {
        System.out.printf(Locale.ROOT, "read: %,d documents; dropped: %,d exact and %,d near duplicates; passed over: "
                        + "%,d blank, %,d bad, the rest of %,d files%n", report.documents(), report.exactDuplicates(),
                report.nearDuplicates(), report.blank(), report.bad(), report.badFiles().size());
        Stream.concat(report.badFiles().stream(), report.defects().stream()).limit(DEFECTS_SHOWN)
                .forEach(defect -> System.out.println("  " + defect.place() + " " + defect.reason()));
    }

    private static void print(String what, TokenSet set) {
        System.out.printf(Locale.ROOT, "%s: %,d tokens, %,d documents, %.2f bytes a token, in %s%n", what, set.tokens(),
                set.manifest().documents(), (double) set.manifest().textBytes() / set.tokens(), set.folder());
    }
}
