package gerbil.cuda;

import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;

import java.util.Map;
import java.util.TreeMap;

/**
 * The kernels of a training step. How much of a matrix they have at once is as in a prototype in Python, where it was
 * the fastest of what was tried on an H100, or as much as a card's shared memory has room for.
 *
 * @param headRows null where the head is of products by cuBLAS, which were faster there, and a softmax
 * @param headEntries likewise
 * @param softmax null where it is not
 * @param rowTile entries of the vocabulary, of which {@code headRows}, or {@code softmax}, takes a multiple
 * @param entryTile tokens, of which {@code headEntries} takes a multiple
 * @param entryParts of the tokens, whose sums {@code headEntries} makes beside one another
 */
record StepKernels(Kernel layerNorm, Kernel layerNormBackward, Kernel gelu, Kernel geluBackward, Kernel attention,
                   Kernel attentionDq, Kernel attentionDkv, Kernel segmentSum, Kernel headRows, Kernel headEntries,
                   Kernel softmax, int rowTile, int entryTile, int entryParts) {

    /** Entries of the vocabulary whose rows a block of {@code segmentSum} adds up. */
    static final int SEGMENTS = 8;
    private static final int THREADS = 256;
    /** Rows of a block of the head's kernels, of tokens or of entries. */
    static final int HEAD_ROWS = 128;
    /** The widest model whose head is a kernel. */
    static final int WIDEST_HEAD = 128;
    private static final int HEAD_THREADS = 128;
    private static final int SOFTMAX_THREADS = 1024;
    /** Logits that a thread of the softmax has in one place, and the most places that there are registers for. */
    private static final int VECTOR = 8;
    private static final int VECTORS = 7;
    /** The most entries of a wide model's vocabulary. */
    static final int WIDE_VOCABULARY = VECTOR * SOFTMAX_THREADS * VECTORS;
    /** Of positions or entries that are multiplied at once. */
    private static final int STEP = 32;
    /** Numbers after each row in shared memory, so that rows lie in different banks. */
    private static final int GAP = 8;

    /**
     * @param length tokens of a sequence
     * @param precision float16 or bfloat16
     * @param sharedBytes the most shared memory that a block may have
     */
    static StepKernels of(GptJConfig config, int length, Precision precision, int sharedBytes) {
        int width = config.width();
        int float16 = precision == Precision.FLOAT16 ? 1 : 0;
        Map<String, Integer> sizes = Map.of("FLOAT16", float16, "WIDTH", width);
        Kernel.Source norm = new Kernel.Source("layer_norm.cu", new TreeMap<>(sizes));
        Kernel.Source mlp = new Kernel.Source("mlp.cu", new TreeMap<>(sizes));
        Kernel.Source segments = new Kernel.Source("segment_sum.cu", new TreeMap<>(sizes));

        int headDim = config.headDim();
        int keyBytes = 2 * (headDim == 8 ? headDim : headDim + GAP);
        int chunk = Math.min((length + STEP - 1) / STEP,
                sharedBytes / (2 * keyBytes + 2 * Float.BYTES) / STEP) * STEP;
        TreeMap<String, Integer> heads = new TreeMap<>(sizes);
        heads.putAll(Map.of("HEADS", config.heads(), "HEAD_DIM", headDim, "LENGTH", length, "CHUNK", chunk,
                "PARTS", headDim == 32 ? 1 : 2, "BLOCKS", headDim == 32 ? 1 : 2));
        Kernel.Source attention = new Kernel.Source("attention.cu", heads);
        int keysAndValues = 2 * keyBytes * chunk;

        HeadTile rows = null;
        HeadTile entries = null;
        if (width <= WIDEST_HEAD) {
            rows = HeadTile.of(width, width == 32 ? 160 : 96, width == 128, width == 32 ? 4 : 2, sharedBytes);
            entries = HeadTile.of(width, 128, width >= 64, width == 32 ? 4 : width == 64 ? 3 : 2, sharedBytes);
        }
        return new StepKernels(
                new Kernel(norm, "layer_norm", THREADS, 0),
                new Kernel(norm, "layer_norm_backward", THREADS, 3 * width * Float.BYTES * rows(width)),
                new Kernel(mlp, "gelu", THREADS, 0),
                new Kernel(mlp, "gelu_backward", THREADS, THREADS * 8 * Float.BYTES),
                new Kernel(attention, "attention", THREADS, keysAndValues),
                new Kernel(attention, "attention_dq", THREADS, keysAndValues),
                new Kernel(attention, "attention_dkv", THREADS, keysAndValues + 2 * Float.BYTES * chunk),
                new Kernel(segments, "segment_sum", THREADS, SEGMENTS * width * Float.BYTES),
                rows == null ? null : rows.kernel("head_rows", sizes),
                entries == null ? null : entries.kernel("head_entries", sizes),
                rows == null ? softmax(config.vocabulary(), float16) : null,
                rows == null ? VECTOR : rows.tile, entries == null ? 1 : entries.tile, width == 128 ? 2 : 4);
    }

    private static Kernel softmax(int entries, int float16) {
        int each = VECTOR * SOFTMAX_THREADS;
        return new Kernel(new Kernel.Source("softmax.cu",
                new TreeMap<>(Map.of("FLOAT16", float16, "VECTORS", (entries + each - 1) / each))), "softmax",
                SOFTMAX_THREADS, 2 * SOFTMAX_THREADS / 32 * Float.BYTES);
    }

    /** Rows of the residual stream that a block of the LayerNorm's kernels has at once: a warp has one, or several. */
    static int rows(int width) {
        return THREADS / Math.min(32, width / 4);
    }

    /** Rows that a block of {@code gelu} has: a thread has eight of a row's columns. */
    static int geluRows(int width) {
        return THREADS / (4 * width / 8);
    }

    /** How a kernel of the head goes through a matrix. */
    private record HeadTile(int width, int tile, boolean ownShared, int blocks, int bytes) {

        static HeadTile of(int width, int wanted, boolean ownShared, int blocks, int sharedBytes) {
            int row = 2 * (width + GAP);
            int own = ownShared ? HEAD_ROWS * row : 0;
            int tile = Math.min(wanted, (sharedBytes - own) / (2 * (row + Float.BYTES)) / STEP * STEP);
            return new HeadTile(width, tile, ownShared, blocks, own + 2 * tile * (row + Float.BYTES));
        }

        Kernel kernel(String name, Map<String, Integer> sizes) {
            TreeMap<String, Integer> constants = new TreeMap<>(sizes);
            constants.putAll(Map.of("TILE", tile, "OWN_SHARED", ownShared ? 1 : 0, "BLOCKS", blocks));
            return new Kernel(new Kernel.Source("head.cu", constants), name, HEAD_THREADS, bytes);
        }
    }
}
