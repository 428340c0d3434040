package gerbil.tokens;

import gerbil.base.DiskFull;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.corpus.Block;
import gerbil.corpus.Corpus;
import gerbil.corpus.Deduplication;
import gerbil.corpus.DuplicateIndex;
import gerbil.corpus.Provenance;
import gerbil.corpus.Slice;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.stream.Stream;

/**
 * Turns a corpus into token sets for training and for evaluation. Blocks of documents are read and encoded in parallel
 * and written in the corpus's seeded order, so the shards are the same, byte for byte, for any number of threads, and
 * however often the work was stopped: every few seconds it notes how far it is, and goes on from there.
 */
public final class Preparation {

    private static final long TOKENS_PER_UPDATE = 1 << 18;
    private static final Duration BETWEEN_STATES = Duration.ofSeconds(10);
    private static final String STATE = "state.json";

    private final Corpus corpus;
    private final Tokenizer tokenizer;
    private final long trainTokens;
    private final long heldOutTokens;
    private final long seed;
    private final Screening screening;
    private final Progress progress;
    private final int threads;
    private final Duration betweenStates;

    Preparation(Corpus corpus, Vocabulary vocabulary, long trainTokens, long heldOutTokens, long seed,
                Screening screening, Progress progress, int threads, Duration betweenStates) {
        this.corpus = corpus;
        this.tokenizer = new Tokenizer(vocabulary);
        this.trainTokens = trainTokens;
        this.heldOutTokens = heldOutTokens;
        this.seed = seed;
        this.screening = screening;
        this.progress = progress;
        this.threads = threads;
        this.betweenStates = betweenStates;
    }

    /** Preparing as {@link #prepare(Corpus, Vocabulary, Path, long, long, long, Screening, Progress)} by default. */
    public static PreparedTokens prepare(Corpus corpus, Vocabulary vocabulary, Path folder, long trainTokens,
                                         long heldOutTokens, long seed, Progress progress) {
        return prepare(corpus, vocabulary, folder, trainTokens, heldOutTokens, seed, Screening.DEFAULT, progress);
    }

    /**
     * Writes {@code train} and {@code heldout} under a folder, each with whole documents up to the one that reaches its
     * limit, or with all there are. A folder that already holds just these sets is opened at once; what a stopped
     * preparation of just these has written, in {@code <folder>.partial}, is gone on with.
     *
     * @param folder new, empty, or prepared before
     * @param trainTokens training tokens to write; {@link Long#MAX_VALUE} for the whole corpus
     * @param heldOutTokens held-out tokens to write; the same documents whatever {@code trainTokens} is
     * @param seed of the documents' order
     * @throws GerbilException if the folder holds something else, the corpus has too few documents or too many bad
     *     ones, a file is damaged, the disk is full, or the thread is interrupted
     */
    public static PreparedTokens prepare(Corpus corpus, Vocabulary vocabulary, Path folder, long trainTokens,
                                         long heldOutTokens, long seed, Screening screening, Progress progress) {
        return new Preparation(corpus, vocabulary, trainTokens, heldOutTokens, seed, screening, progress,
                Runtime.getRuntime().availableProcessors(), BETWEEN_STATES).into(folder);
    }

    PreparedTokens into(Path folder) {
        if (Files.isDirectory(folder.resolve(PreparedTokens.TRAIN))) {
            PreparedTokens prepared = PreparedTokens.open(folder);
            requireSame(prepared.train(), trainTokens);
            requireSame(prepared.heldout(), heldOutTokens);
            try {
                PartialFolder.deleteRest(folder);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return prepared;
        }
        try (PartialFolder partial = new PartialFolder(folder)) {
            write(partial, folder);
        } catch (IOException e) {
            throw explain(e, folder, 0);
        } catch (UncheckedIOException e) {
            throw explain(e.getCause(), folder, 0);
        }
        return PreparedTokens.open(folder);
    }

    private void requireSame(TokenSet set, long tokenLimit) {
        set.requireVocabulary(tokenizer.vocabulary());
        TokenSetManifest found = set.manifest();
        if (found.corpusIdentity() == null) {
            requireSame(set, "corpus", found.corpus().hash(), corpus.provenance().hash());
        } else {
            requireSame(set, "corpus", found.corpusIdentity(), corpus.identity());
        }
        requireSame(set, "seed", found.seed(), seed);
        requireSame(set, "token limit", found.tokenLimit(), tokenLimit);
        requireSame(set, "deduplication", Objects.requireNonNullElse(found.deduplication(),
                Deduplication.EXACT.label()), screening.deduplication().label());
    }

    private static void requireSame(TokenSet set, String what, Object found, Object expected) {
        if (!Objects.equals(found, expected)) {
            throw new GerbilException("tokens of " + what + " " + found + " in " + set.folder(), what + " " + expected,
                    "prepare these tokens in another folder, or delete this one");
        }
    }

    /** An interrupt that arrives inside a read or a write closes the channel. */
    private RuntimeException explain(IOException e, Path folder, long written) {
        if (e instanceof ClosedByInterruptException) {
            return interrupted(e);
        }
        String needed = trainTokens == Long.MAX_VALUE ? "2 bytes a token"
                : "about " + DiskFull.megabytes(Short.BYTES * trainTokens);
        return DiskFull.explain(e, folder.toAbsolutePath().getParent(),
                DiskFull.megabytes(Short.BYTES * written) + " of tokens", needed);
    }

    private static GerbilException interrupted(Exception cause) {
        return new GerbilException("preparing the tokens was interrupted", "time to finish",
                "run it again: it goes on where it stopped", cause);
    }

    /** What makes two preparations the same one. */
    private record Request(String corpus, String identity, String vocabulary, long trainTokens, long heldOutTokens,
                           long seed, Deduplication deduplication) {
    }

    /**
     * How far a preparation is.
     *
     * @param request hash of what was asked for
     * @param slices that were begun before the present one
     * @param blocks of the present slice that are done
     * @param indexed documents in the index of duplicates
     */
    private record State(String request, long slices, long blocks, int indexed, ShardWriter.State train,
                         ShardWriter.State heldOut, PreparationReport report) {
    }

    private String request() {
        return Json.sha256(new Request(corpus.name(), corpus.identity(), tokenizer.vocabulary().sha256(), trainTokens,
                heldOutTokens, seed, screening.deduplication()));
    }

    private void write(PartialFolder partial, Path folder) throws IOException {
        Optional<State> begun = begun(partial);
        if (begun.isEmpty()) {
            partial.clear();
        }
        try (Job job = new Job(partial, begun)) {
            try {
                job.run();
            } catch (IOException e) {
                throw explain(e, folder, job.selection.train().tokens());
            }
            job.finish();
        }
    }

    private Optional<State> begun(PartialFolder partial) throws IOException {
        Path file = partial.work().resolve(STATE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        State state = Json.readChecked(file, State.class);
        if (!state.request().equals(request())) {
            throw new GerbilException("tokens begun otherwise in " + partial.work(),
                    "the same corpus, files unchanged, with the same options",
                    "delete that folder to begin anew, or prepare these tokens in another one");
        }
        return Optional.of(state);
    }

    /** The work from one stop to the next. */
    private final class Job implements AutoCloseable {

        private final PartialFolder partial;
        private final Selection selection = new Selection(trainTokens, heldOutTokens);
        private final ShardWriter train;
        private final ShardWriter heldOut;
        private final Optional<DuplicateIndex> duplicates;
        private final ReportBuilder report;
        private final Set<String> files = new TreeSet<>();
        private final long firstSlice;
        private final long firstBlock;
        private long slices = -1;
        private long blocks;
        private boolean passedOver;
        private long reported;
        private long noted = System.nanoTime();

        Job(PartialFolder partial, Optional<State> begun) throws IOException {
            this.partial = partial;
            firstSlice = begun.map(State::slices).orElse(0L);
            firstBlock = begun.map(State::blocks).orElse(0L);
            report = begun.map(state -> new ReportBuilder(screening, state.report()))
                    .orElseGet(() -> new ReportBuilder(screening));
            train = shards(PreparedTokens.TRAIN, begun.map(State::train), selection.train());
            heldOut = shards(PreparedTokens.HELD_OUT, begun.map(State::heldOut), selection.heldOut());
            duplicates = screening.deduplication() == Deduplication.NONE ? Optional.empty()
                    : Optional.of(new DuplicateIndex(partial.work().resolve("copies"), screening.deduplication(),
                            begun.map(State::indexed).orElse(0)));
        }

        private ShardWriter shards(String split, Optional<ShardWriter.State> begun, SplitCounts selected)
                throws IOException {
            ShardWriter.State state = begun.orElse(ShardWriter.State.BEGIN);
            selected.addAll(state.subsets());
            return new ShardWriter(Folders.create(partial.content().resolve(split)),
                    tokenizer.vocabulary().endOfText(), state);
        }

        void run() throws IOException {
            try (Stream<Slice> order = corpus.slices(seed);
                 EncodedAhead ahead = new EncodedAhead(order.iterator(), this::encoding, threads, firstSlice,
                         firstBlock)) {
                for (var step = ahead.next(); step != null && !selection.isDone(); step = ahead.next()) {
                    if (step.beginsSlice()) {
                        files.addAll(step.files());
                        slices++;
                        blocks = slices == firstSlice ? firstBlock : 0;
                        passedOver = false;
                    } else {
                        write(step.block().get());
                        blocks++;
                    }
                    update();
                }
                progress.update("writing tokens", selection.train().tokens(), total(), "tokens");
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw interrupted(e);
            } catch (ExecutionException e) {
                throw e.getCause() instanceof RuntimeException known ? known
                        : new IllegalStateException(e.getCause());
            }
        }

        private Callable<EncodedBlock> encoding(Block block) {
            boolean heldOutOnly = selection.trainIsFull();
            return () -> EncodedBlock.of(block, tokenizer, screening.deduplication(), heldOutOnly);
        }

        private void write(EncodedBlock block) throws IOException {
            for (EncodedBlock.Encoded document : block.documents()) {
                if (selection.isDone()) {
                    return;
                }
                report.document();
                Optional<DuplicateIndex.Duplicate> duplicate = duplicates.isEmpty() ? Optional.empty()
                        : duplicates.get().add(document.id(), document.fingerprint());
                duplicate.ifPresent(report::duplicate);
                if (selection.select(document.heldOut(), duplicate.isPresent(), document.subset(),
                        document.to() - document.from(), document.utf8Bytes())) {
                    (document.heldOut() ? heldOut : train).add(block.ids(), document.from(), document.to());
                }
            }
            report.passedOver(block.content());
            if (block.badFile() != null) {
                report.passedOver(block.badFile());
                passedOver = true;
            }
        }

        private void update() throws IOException {
            if (selection.train().tokens() - reported >= TOKENS_PER_UPDATE) {
                reported = selection.train().tokens();
                progress.update("writing tokens", reported, total(), "tokens");
            }
            if (System.nanoTime() - noted >= betweenStates.toNanos() && slices >= firstSlice) {
                note();
            }
        }

        private long total() {
            return trainTokens == Long.MAX_VALUE ? 0 : trainTokens;
        }

        private void note() throws IOException {
            if (duplicates.isPresent()) {
                duplicates.get().flush();
            }
            Json.writeChecked(partial.work().resolve(STATE), new State(request(), passedOver ? slices + 1 : slices,
                    passedOver ? 0 : blocks, duplicates.map(DuplicateIndex::documents).orElse(0),
                    train.state(selection.train()), heldOut.state(selection.heldOut()), report.report()));
            noted = System.nanoTime();
        }

        void finish() throws IOException {
            requireDocuments(selection.train(), "training");
            requireDocuments(selection.heldOut(), "held-out");
            Provenance provenance = corpus.provenance(files);
            manifest(PreparedTokens.TRAIN, trainTokens, train.finish(selection.train()), provenance);
            manifest(PreparedTokens.HELD_OUT, heldOutTokens, heldOut.finish(selection.heldOut()), provenance);
            Json.write(partial.content().resolve(PreparationReport.FILE), report.report());
            close();
            partial.commit();
        }

        private void manifest(String split, long tokenLimit, ShardWriter.State written, Provenance provenance)
                throws IOException {
            TokenSetManifest.of(tokenizer.vocabulary(), split, seed, tokenLimit, written, provenance,
                    corpus.identity(), screening.deduplication().label())
                    .write(tokenizer.vocabulary(), partial.content().resolve(split));
        }

        private void requireDocuments(SplitCounts selected, String kind) {
            if (selected.tokens() == 0) {
                throw report.without(kind, corpus.name());
            }
        }

        @Override
        public void close() throws IOException {
            train.close();
            heldOut.close();
            if (duplicates.isPresent()) {
                duplicates.get().close();
            }
        }
    }
}
