package gerbil.tokens;

import gerbil.corpus.Corpus;
import gerbil.corpus.Document;
import gerbil.corpus.HeldOut;
import gerbil.spec.DiskFull;
import gerbil.spec.GerbilException;
import gerbil.spec.Progress;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;

/**
 * Turns a corpus into token sets for training and for evaluation. Documents are encoded in parallel and written in the
 * corpus's seeded order, so the files are the same, byte for byte, for any number of threads.
 */
public final class Preparation {

    private static final int DOCUMENTS_AHEAD_PER_THREAD = 64;
    private static final long TOKENS_PER_UPDATE = 1 << 18;

    private final Corpus corpus;
    private final Tokenizer tokenizer;
    private final long trainTokens;
    private final long heldOutTokens;
    private final long seed;
    private final Progress progress;

    private Preparation(Corpus corpus, Tokenizer tokenizer, long trainTokens, long heldOutTokens, long seed,
                        Progress progress) {
        this.corpus = corpus;
        this.tokenizer = tokenizer;
        this.trainTokens = trainTokens;
        this.heldOutTokens = heldOutTokens;
        this.seed = seed;
        this.progress = progress;
    }

    /** A document's ids, still without {@code <|endoftext|>}; none were made if its split was full. */
    private record Encoded(boolean heldOut, int[] ids, long utf8Bytes) {
    }

    /**
     * Writes {@code train} and {@code heldout} under a folder, each with whole documents up to the one that reaches its
     * limit, or with all there are. A folder that already holds just these sets is opened at once.
     *
     * @param folder new, empty, or prepared before
     * @param trainTokens training tokens to write; {@link Long#MAX_VALUE} for the whole corpus
     * @param heldOutTokens held-out tokens to write; the same documents whatever {@code trainTokens} is
     * @param seed of the documents' order
     * @throws GerbilException if the folder holds something else, the corpus has too few documents or one that cannot
     *     be read, the disk is full, or the thread is interrupted; the folder is then as it was
     */
    public static PreparedTokens prepare(Corpus corpus, Vocabulary vocabulary, Path folder, long trainTokens,
                                         long heldOutTokens, long seed, Progress progress) {
        return prepare(corpus, vocabulary, folder, trainTokens, heldOutTokens, seed, progress,
                Runtime.getRuntime().availableProcessors());
    }

    static PreparedTokens prepare(Corpus corpus, Vocabulary vocabulary, Path folder, long trainTokens,
                                  long heldOutTokens, long seed, Progress progress, int threads) {
        if (Files.isDirectory(folder.resolve(PreparedTokens.TRAIN))) {
            PreparedTokens prepared = PreparedTokens.open(folder);
            requireSame(prepared.train(), corpus, vocabulary, trainTokens, seed);
            requireSame(prepared.heldout(), corpus, vocabulary, heldOutTokens, seed);
            return prepared;
        }
        new Preparation(corpus, new Tokenizer(vocabulary), trainTokens, heldOutTokens, seed, progress)
                .write(folder, threads);
        return PreparedTokens.open(folder);
    }

    private static void requireSame(TokenSet set, Corpus corpus, Vocabulary vocabulary, long tokenLimit, long seed) {
        set.requireVocabulary(vocabulary);
        TokenSetManifest found = set.manifest();
        requireSame(set, "corpus", found.corpus().hash(), corpus.provenance().hash());
        requireSame(set, "seed", found.seed(), seed);
        requireSame(set, "token limit", found.tokenLimit(), tokenLimit);
    }

    private static void requireSame(TokenSet set, String what, Object found, Object expected) {
        if (!Objects.equals(found, expected)) {
            throw new GerbilException("tokens of " + what + " " + found + " in " + set.folder(), what + " " + expected,
                    "prepare these tokens in another folder, or delete this one");
        }
    }

    private void write(Path folder, int threads) {
        try (PartialFolder partial = new PartialFolder(folder);
             TokenSetWriter train = writer(partial.path(), PreparedTokens.TRAIN, trainTokens);
             TokenSetWriter heldOut = writer(partial.path(), PreparedTokens.HELD_OUT, heldOutTokens)) {
            encode(train, heldOut, threads);
            requireDocuments(train, "training");
            requireDocuments(heldOut, "held-out");
            train.finish();
            heldOut.finish();
            partial.commit();
        } catch (IOException e) {
            throw DiskFull.explain(e, folder.toAbsolutePath().getParent(), "no tokens", "2 bytes a token");
        } catch (UncheckedIOException e) {
            // an interrupt that arrives inside a read or a write closes the channel
            throw e.getCause() instanceof ClosedByInterruptException ? interrupted(e) : e;
        }
    }

    private TokenSetWriter writer(Path parent, String split, long tokenLimit) {
        return new TokenSetWriter(parent.resolve(split), tokenizer.vocabulary(), corpus.provenance(), split, seed,
                tokenLimit);
    }

    private void requireDocuments(TokenSetWriter set, String kind) {
        if (set.tokens() == 0) {
            throw new GerbilException("the corpus " + corpus.name() + " has no " + kind + " documents",
                    "both kinds; about one document in " + HeldOut.ONE_IN + " is held out, chosen by its text",
                    "add documents, or split long texts into one document a line of a .jsonl file");
        }
    }

    private void encode(TokenSetWriter train, TokenSetWriter heldOut, int threads) {
        ExecutorService encoders = Executors.newFixedThreadPool(threads);
        Queue<Future<Encoded>> ahead = new ArrayDeque<>();
        try (Stream<Document> documents = corpus.documents(seed)) {
            Iterator<Document> next = documents.iterator();
            long reported = 0;
            while (!(train.isFull() && heldOut.isFull()) && (next.hasNext() || !ahead.isEmpty())) {
                while (ahead.size() < threads * DOCUMENTS_AHEAD_PER_THREAD && next.hasNext()) {
                    Document document = next.next();
                    boolean trainFull = train.isFull();
                    ahead.add(encoders.submit(() -> encode(document, trainFull)));
                }
                Encoded encoded = ahead.remove().get();
                TokenSetWriter set = encoded.heldOut() ? heldOut : train;
                if (!set.isFull()) {
                    set.add(encoded.ids(), encoded.utf8Bytes());
                }
                if (train.tokens() - reported >= TOKENS_PER_UPDATE) {
                    reported = train.tokens();
                    report(reported);
                }
            }
            report(train.tokens());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw interrupted(e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } finally {
            encoders.shutdownNow();
        }
    }

    private Encoded encode(Document document, boolean trainFull) {
        boolean heldOut = HeldOut.contains(document);
        if (trainFull && !heldOut) {
            return new Encoded(false, new int[0], 0);
        }
        return new Encoded(heldOut, tokenizer.encode(document.text()),
                document.text().getBytes(StandardCharsets.UTF_8).length);
    }

    private static GerbilException interrupted(Exception cause) {
        return new GerbilException("preparing the tokens was interrupted", "time to finish", "run it again", cause);
    }

    private void report(long done) {
        progress.update("writing tokens", done, trainTokens == Long.MAX_VALUE ? 0 : trainTokens, "tokens");
    }
}
