package gerbil.tokens;

import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.corpus.BadFile;
import gerbil.corpus.Block;
import gerbil.corpus.Corpus;
import gerbil.corpus.Deduplication;
import gerbil.corpus.DuplicateIndex;
import gerbil.corpus.HeldOut;
import gerbil.corpus.Slice;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Turns a corpus into token sets for training and for evaluation. Blocks of documents are read and encoded in parallel
 * and written in the corpus's seeded order, so the shards are the same, byte for byte, for any number of threads, and
 * however often the work was stopped: every few seconds it notes how far it is, and goes on from there.
 */
public final class Preparation {

    private static final int BLOCKS_AHEAD_PER_THREAD = 3;
    private static final long BYTES_AHEAD = 48L << 20;
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
            return prepared;
        }
        try (PartialFolder partial = PartialFolder.resumable(folder)) {
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
        return e instanceof ClosedByInterruptException ? interrupted(e)
                : TokenSetWriter.explain(e, folder, written, trainTokens);
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
     * @param indexed documents in the index of copies
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
                throw explain(e, folder, job.train.tokens());
            }
            job.finish();
        }
    }

    private Optional<State> begun(PartialFolder partial) throws IOException {
        Path file = partial.work().resolve(STATE);
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        State state = Json.read(file, State.class);
        if (!state.request().equals(request())) {
            throw new GerbilException("tokens begun otherwise in " + partial.work(),
                    "the same corpus, files unchanged, with the same options",
                    "delete that folder to begin anew, or prepare these tokens in another one");
        }
        return Optional.of(state);
    }

    /** One entry of what is to be written next, in order: the beginning of a slice, or a block of it. */
    private record Step(Set<String> files, Future<EncodedBlock> block, long bytes) {

        boolean beginsSlice() {
            return block == null;
        }
    }

    /** The work from one stop to the next. */
    private final class Job implements AutoCloseable {

        private final PartialFolder partial;
        private final ShardWriter train;
        private final ShardWriter heldOut;
        private final Optional<DuplicateIndex> copies;
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
            train = shards(PreparedTokens.TRAIN, begun.map(State::train));
            heldOut = shards(PreparedTokens.HELD_OUT, begun.map(State::heldOut));
            copies = screening.deduplication() == Deduplication.NONE ? Optional.empty()
                    : Optional.of(new DuplicateIndex(partial.work().resolve("copies"), screening.deduplication(),
                            begun.map(State::indexed).orElse(0)));
        }

        private ShardWriter shards(String split, Optional<ShardWriter.State> state) throws IOException {
            return new ShardWriter(Files.createDirectories(partial.content().resolve(split)),
                    tokenizer.vocabulary().endOfText(), ShardWriter.SHARD_TOKENS,
                    state.orElse(ShardWriter.State.BEGIN));
        }

        private boolean trainIsFull() {
            return train.tokens() >= trainTokens;
        }

        private boolean isDone() {
            return trainIsFull() && heldOut.tokens() >= heldOutTokens;
        }

        void run() throws IOException {
            ExecutorService encoders = Executors.newFixedThreadPool(threads);
            Deque<Step> ahead = new ArrayDeque<>();
            try (Corpus.Slices order = corpus.slices(seed); Reader reader = new Reader(order, encoders)) {
                for (Step step = reader.next(ahead); step != null && !isDone(); step = reader.next(ahead)) {
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
                progress.update("writing tokens", train.tokens(), total(), "tokens");
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw interrupted(e);
            } catch (ExecutionException e) {
                throw e.getCause() instanceof RuntimeException known ? known
                        : new IllegalStateException(e.getCause());
            } finally {
                encoders.shutdownNow();
            }
        }

        private void write(EncodedBlock block) throws IOException {
            for (EncodedBlock.Encoded document : block.documents()) {
                if (isDone()) {
                    return;
                }
                report.document();
                Optional<DuplicateIndex.Copy> copy = copies.isEmpty() ? Optional.empty()
                        : copies.get().add(document.id(), document.fingerprint());
                copy.ifPresent(report::copy);
                boolean wanted = document.heldOut() ? heldOut.tokens() < heldOutTokens : !trainIsFull();
                if (copy.isEmpty() && wanted) {
                    (document.heldOut() ? heldOut : train).add(block.ids(), document.from(), document.to(),
                            document.subset(), document.utf8Bytes());
                }
            }
            report.passedOver(block.content());
            if (block.badFile() != null) {
                report.passedOver(block.badFile());
                passedOver = true;
            }
        }

        private void update() throws IOException {
            if (train.tokens() - reported >= TOKENS_PER_UPDATE) {
                reported = train.tokens();
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
            if (copies.isPresent()) {
                copies.get().flush();
            }
            Json.write(partial.work().resolve(STATE), new State(request(), passedOver ? slices + 1 : slices,
                    passedOver ? 0 : blocks, copies.map(DuplicateIndex::documents).orElse(0), train.state(),
                    heldOut.state(), report.report()));
            noted = System.nanoTime();
        }

        void finish() throws IOException {
            requireDocuments(train, "training");
            requireDocuments(heldOut, "held-out");
            var provenance = corpus.provenance(files);
            String identity = corpus.identity();
            String deduplication = screening.deduplication().label();
            TokenSetManifest.of(tokenizer.vocabulary(), PreparedTokens.TRAIN, seed, trainTokens, train.finish(),
                    provenance, identity, deduplication).write(partial.content().resolve(PreparedTokens.TRAIN));
            TokenSetManifest.of(tokenizer.vocabulary(), PreparedTokens.HELD_OUT, seed, heldOutTokens, heldOut.finish(),
                    provenance, identity, deduplication).write(partial.content().resolve(PreparedTokens.HELD_OUT));
            Json.write(partial.content().resolve(PreparationReport.FILE), report.report());
            close();
            partial.commit();
        }

        private void requireDocuments(ShardWriter set, String kind) {
            if (set.tokens() == 0) {
                throw new GerbilException("the corpus " + corpus.name() + " has no " + kind + " documents",
                        "both kinds; about one document in " + HeldOut.ONE_IN + " is held out, chosen by its text",
                        "add documents, or split long texts into one document a line of a .jsonl file");
            }
        }

        @Override
        public void close() throws IOException {
            train.close();
            heldOut.close();
            if (copies.isPresent()) {
                copies.get().close();
            }
        }

        /** Takes slices and blocks in order and has them read and encoded ahead of their turn. */
        private final class Reader implements AutoCloseable {

            private final Corpus.Slices order;
            private final ExecutorService encoders;
            private long taken = -1;
            private long bytesAhead;
            private Slice.Blocks present;

            Reader(Corpus.Slices order, ExecutorService encoders) {
                this.order = order;
                this.encoders = encoders;
            }

            /** The next step, or null at the end. */
            Step next(Deque<Step> ahead) {
                while (ahead.isEmpty() || ahead.size() < threads * BLOCKS_AHEAD_PER_THREAD && bytesAhead < BYTES_AHEAD) {
                    Step step = read();
                    if (step == null) {
                        break;
                    }
                    bytesAhead += step.bytes();
                    ahead.add(step);
                }
                Step next = ahead.poll();
                bytesAhead -= next == null ? 0 : next.bytes();
                return next;
            }

            private Step read() {
                try {
                    if (present != null && present.hasNext()) {
                        Block block = present.next();
                        boolean heldOutOnly = trainIsFull();
                        return new Step(null, encoders.submit(() -> EncodedBlock.of(block, tokenizer,
                                screening.deduplication(), heldOutOnly)), block.bytes());
                    }
                    close();
                    if (!order.hasNext()) {
                        return null;
                    }
                    return begin(order.next());
                } catch (BadFile e) {
                    close();
                    return new Step(null, CompletableFuture.completedFuture(EncodedBlock.bad(e)), 0);
                }
            }

            private Step begin(Slice slice) {
                taken++;
                Step begin = new Step(slice.files(), null, 0);
                present = taken < firstSlice ? null : new FromFirst(slice, taken == firstSlice ? firstBlock : 0);
                return begin;
            }

            @Override
            public void close() {
                if (present != null) {
                    present.close();
                    present = null;
                }
            }
        }
    }

    /** A slice's blocks without those that are done; opened when the first is asked for. */
    private static final class FromFirst implements Slice.Blocks {

        private final Slice slice;
        private long done;
        private Slice.Blocks blocks;

        FromFirst(Slice slice, long done) {
            this.slice = slice;
            this.done = done;
        }

        @Override
        public boolean hasNext() {
            blocks = blocks == null ? slice.blocks() : blocks;
            for (; done > 0 && blocks.hasNext(); done--) {
                blocks.next();
            }
            return blocks.hasNext();
        }

        @Override
        public Block next() {
            return blocks.next();
        }

        @Override
        public void close() {
            if (blocks != null) {
                blocks.close();
            }
        }
    }
}
