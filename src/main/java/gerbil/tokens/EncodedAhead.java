package gerbil.tokens;

import gerbil.corpus.BadFile;
import gerbil.corpus.Block;
import gerbil.corpus.Slice;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.Iterator;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.stream.Stream;

/** Takes slices and blocks in order and has many threads read and encode them ahead of their turn. For one thread. */
final class EncodedAhead implements AutoCloseable {

    private static final int BLOCKS_AHEAD_PER_THREAD = 3;
    private static final long BYTES_AHEAD = 48L << 20;

    private final Iterator<Slice> order;
    private final Function<Block, Callable<EncodedBlock>> encoding;
    private final int threads;
    private final long firstSlice;
    private final long firstBlock;
    private final ExecutorService encoders;
    private final Deque<Step> ahead = new ArrayDeque<>();
    private long taken = -1;
    private long bytesAhead;
    /** Opened when its first block is asked for. */
    private Slice begun;
    private Stream<Block> open = Stream.empty();
    private Iterator<Block> blocks = open.iterator();

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
    EncodedAhead(Iterator<Slice> order, Function<Block, Callable<EncodedBlock>> encoding, int threads, long firstSlice,
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
            if (begun != null) {
                open(begun);
            }
            if (blocks.hasNext()) {
                Block block = blocks.next();
                return new Step(null, encoders.submit(encoding.apply(block)), block.bytes());
            }
            if (!order.hasNext()) {
                return null;
            }
            Slice slice = order.next();
            begun = ++taken < firstSlice ? null : slice;
            return new Step(slice.files(), null, 0);
        } catch (BadFile e) {
            blocks = Collections.emptyIterator();
            return new Step(null, CompletableFuture.completedFuture(EncodedBlock.bad(e)), 0);
        }
    }

    private void open(Slice slice) {
        begun = null;
        open.close();
        open = slice.blocks();
        blocks = open.skip(taken == firstSlice ? firstBlock : 0).iterator();
    }

    @Override
    public void close() {
        encoders.shutdownNow();
        open.close();
    }
}
