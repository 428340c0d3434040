package gerbil.tokens;

import gerbil.corpus.BadFile;
import gerbil.corpus.Block;
import gerbil.corpus.Corpus;
import gerbil.corpus.Slice;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;

/** Takes slices and blocks in order and has many threads read and encode them ahead of their turn. For one thread. */
final class EncodedAhead implements AutoCloseable {

    private static final int BLOCKS_AHEAD_PER_THREAD = 3;
    private static final long BYTES_AHEAD = 48L << 20;

    private final Corpus.Slices order;
    private final Function<Block, Callable<EncodedBlock>> encoding;
    private final int threads;
    private final long firstSlice;
    private final long firstBlock;
    private final ExecutorService encoders;
    private final Deque<Step> ahead = new ArrayDeque<>();
    private long taken = -1;
    private long bytesAhead;
    private Slice.Blocks present;

    /** One entry of what is to be written next, in order: the beginning of a slice, or a block of it. */
    record Step(Set<String> files, Future<EncodedBlock> block, long bytes) {

        boolean beginsSlice() {
            return block == null;
        }
    }

    /**
     * @param encoding how to encode a block, asked for when it is taken
     * @param firstSlice of the slices before it only the beginnings are wanted
     * @param firstBlock the first that is wanted of the first slice
     */
    EncodedAhead(Corpus.Slices order, Function<Block, Callable<EncodedBlock>> encoding, int threads, long firstSlice,
                 long firstBlock) {
        this.order = order;
        this.encoding = encoding;
        this.threads = threads;
        this.firstSlice = firstSlice;
        this.firstBlock = firstBlock;
        encoders = Executors.newFixedThreadPool(threads);
    }

    /** The next step, or null at the end. */
    Step next() {
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
                return new Step(null, encoders.submit(encoding.apply(block)), block.bytes());
            }
            closePresent();
            return order.hasNext() ? begin(order.next()) : null;
        } catch (BadFile e) {
            closePresent();
            return new Step(null, CompletableFuture.completedFuture(EncodedBlock.bad(e)), 0);
        }
    }

    private Step begin(Slice slice) {
        taken++;
        Step begin = new Step(slice.files(), null, 0);
        present = taken < firstSlice ? null : new FromFirst(slice, taken == firstSlice ? firstBlock : 0);
        return begin;
    }

    private void closePresent() {
        if (present != null) {
            present.close();
            present = null;
        }
    }

    @Override
    public void close() {
        encoders.shutdownNow();
        closePresent();
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
