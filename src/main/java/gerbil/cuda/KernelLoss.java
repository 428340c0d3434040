package gerbil.cuda;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.kernels.FusedLoss;
import gerbil.kernels.HeadChunks;
import gerbil.kernels.Kernels;
import gerbil.model.GptJ;
import gerbil.model.RotaryEmbedding.Rotation;
import gerbil.model.TrainingLoss;
import gerbil.spec.GptJConfig;
import gerbil.spec.StepSettings;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleSupplier;

/**
 * A step of kernels of our own, and of products by PyTorch, with the backward pass written out: one kernel, where
 * PyTorch has several operators that each read and write their whole result. Gradients and the residual stream are
 * float32, what is multiplied has 16 bits. All sums have one order, so that equal steps give equal bits.
 */
public final class KernelLoss implements TrainingLoss {

    /** Of kernels that sum over rows: enough to fill a card, and few sums to add up after. */
    private static final int BLOCKS = 512;
    /** Rows whose logits a wide head has in memory at once. */
    private static final int LOGIT_ROWS = HeadChunks.GPU.chunk();
    private static final float LOG2_E = 1.442695f;
    /** As warp.cuh has it. */
    private static final float NOTHING = -1e30f;

    private final GptJ model;
    private final GptJConfig config;
    private final int length;
    private final DoubleSupplier gradientScale;
    private final int type;
    private final Kernels products;
    private final NDList bodyGradients;
    private final NDList headGradients;
    private final StepKernels kernels;
    private final KernelRunner runner;
    private final Map<Kernel, KernelRunner.Launch> launches = new IdentityHashMap<>();
    private final NDArray angles;
    private final NDList inputs = new NDList();
    private final NDList outputs = new NDList();
    private final NDArray head;
    private final NDArray headBias;
    private final KernelArguments arguments = new KernelArguments();
    private boolean recompute;
    private NDManager scratch;
    private Buffers buffers;

    /**
     * @param length tokens of the sequences to come
     * @param settings precision, float16 or bfloat16, and whether activations are computed again in the backward pass
     * @param gradientScale asked each time: what gradients are multiplied by beyond the loss
     */
    public KernelLoss(GptJ model, int length, StepSettings settings, DoubleSupplier gradientScale,
                      KernelRunner runner) {
        this.model = model;
        this.length = length;
        this.gradientScale = gradientScale;
        config = model.config();
        recompute = settings.recompute();
        type = HeadChunks.type(settings.precision());
        NDManager manager = model.manager();
        products = Kernels.load(manager, KernelLoss.class.getResourceAsStream("step.py"));
        NDList gradients = FusedLoss.gradients(model);
        bodyGradients = gradients.subNDList(0, gradients.size() - 2);
        headGradients = gradients.subNDList(gradients.size() - 2);
        kernels = StepKernels.of(config, length, settings.precision(), runner.sharedBytes());
        this.runner = runner;
        Rotation rotation = model.rotary().at(manager, 0, length);
        Shape pairs = new Shape(length, config.headDim() / 2, 2);
        // of each pair of columns the first's cosine and sine
        angles = rotation.cos().reshape(pairs).get("..., :1").concat(rotation.sin().reshape(pairs).get("..., :1"), 2);
        int width = config.width();
        for (int layer = 0; layer < config.layers(); layer++) {
            inputs.add(halves(7L * width, width));
            outputs.add(halves(width, 5L * width));
        }
        int entries = up(config.vocabulary(), kernels.rowTile());
        head = halves(entries, width);
        headBias = manager.full(new Shape(entries), NOTHING);
    }

    @Override
    public NDArray accumulate(NDArray ids, NDArray targets, NDArray groups, int count, float scale) {
        try {
            if (buffers == null || buffers.rows != ids.size()) {
                forget();
                scratch = model.manager().newSubManager();
                buffers = new Buffers(Math.toIntExact(ids.size()));
            }
            return step(ids, targets, groups, count, scale);
        } catch (EngineException e) {
            forget(); // so that who goes on with less memory has it
            throw e;
        }
    }

    private NDArray step(NDArray ids, NDArray targets, NDArray groups, int count, float scale) {
        List<NDArray> weights = model.tensors();
        products.call("pack", false, new Kernels.Arguments().add(weights).add(inputs).add(outputs).add(head)
                .add(headBias));
        NDList begun = products.call("begin", false, new Kernels.Arguments().add(ids).add(targets).add(groups)
                .add(weights.get(0)));
        float headScale = (float) (scale * gradientScale.getAsDouble());
        forward(weights, begun.get(0));
        NDList ofHead = kernels.softmax() != null ? wideHead(weights, targets, begun.get(1), headScale)
                : narrowHead(weights, targets, begun, headScale);
        NDArray embedding = backward(weights, begun, ofHead.get(1));
        return products.call("finish", false, new Kernels.Arguments().add(weights).add(bodyGradients)
                .add(headGradients).add(embedding).add(buffers.normSums).add(buffers.mlpSums).add(buffers.inputs)
                .add(buffers.outputs).add(ofHead.subNDList(2)).add(ofHead.get(0)).add(groups)
                .add(products.numbers(scale, headScale)).add(products.numbers(count))).get(0);
    }

    private void forward(List<NDArray> weights, NDArray embedded) {
        buffers.embedded = embedded;
        for (int layer = 0; layer < config.layers(); layer++) {
            norm(weights, layer, stream(Math.max(0, layer - 1)), layer > 0, 1, null);
            layer(weights, layer);
            product(buffers.f.get(slot(layer)), outputs.get(layer), buffers.made);
        }
        norm(weights, config.layers(), stream(config.layers() - 1), true, LOG2_E, buffers.exactHidden);
    }

    /** The residual stream that a layer, or the head, sees. */
    private NDArray stream(int layer) {
        return layer == 0 ? buffers.embedded : buffers.streams.get(layer);
    }

    /**
     * LayerNorm before a layer, or the head.
     *
     * @param added whether what the layer before has made is added to x first
     * @param exact float32, or null
     */
    private void norm(List<NDArray> weights, int layer, NDArray x, boolean added, float by, NDArray exact) {
        int first = 1 + 10 * layer;
        run(kernels.layerNorm(), blocks(buffers.rows, StepKernels.rows(config.width())), 1, x,
                added ? buffers.made : null, added ? weights.get(first - 1) : null, weights.get(first),
                weights.get(first + 1), added ? buffers.streams.get(layer) : null,
                exact == null ? buffers.normed.get(slot(layer)) : buffers.hidden, exact,
                buffers.moments.get(layer), by, buffers.rows);
    }

    /** From LayerNorm's result to what a layer's last product takes. */
    private void layer(List<NDArray> weights, int layer) {
        NDArray y = buffers.y.get(slot(layer));
        NDArray f = buffers.f.get(slot(layer));
        product(buffers.normed.get(slot(layer)), inputs.get(layer), y);
        run(kernels.gelu(), blocks(buffers.rows, StepKernels.geluRows(config.width())), 1, y,
                weights.get(8 + 10 * layer), f, buffers.rows);
        run(kernels.attention(), buffers.rows / length * config.heads(), 1, y, angles, f,
                buffers.logSums.get(slot(layer)));
    }

    /** Losses, the gradient of the last LayerNorm's result, scaled, and those of weight and bias, not scaled. */
    private NDList narrowHead(List<NDArray> weights, NDArray targets, NDList begun, float headScale) {
        NDArray weight = weights.get(weights.size() - 2);
        NDArray bias = weights.get(weights.size() - 1);
        int entries = config.vocabulary();
        run(kernels.headRows(), blocks(buffers.rows, StepKernels.HEAD_ROWS), 1, buffers.hidden, head, headBias,
                buffers.rows, Math.toIntExact(head.getShape().get(0)) / kernels.rowTile(), buffers.exactHidden, weight,
                bias, targets, begun.get(1), headScale, buffers.losses, buffers.headLogSums, buffers.dHidden);
        sumSegments(buffers.exactHidden, begun.get(2), begun.get(3), buffers.targetHidden, buffers.targetCounts);
        run(kernels.headEntries(), blocks(entries, StepKernels.HEAD_ROWS), kernels.entryParts(), buffers.hidden, head,
                headBias, entries, up(buffers.rows, kernels.entryTile()) / kernels.entryTile(), buffers.headLogSums,
                buffers.targetHidden, buffers.targetCounts, buffers.dHead, buffers.dHeadBias);
        return new NDList(buffers.losses, buffers.dHidden, buffers.dHead, buffers.dHeadBias);
    }

    /** The same with products by cuBLAS, of the logits of some thousand rows at once. */
    private NDList wideHead(List<NDArray> weights, NDArray targets, NDArray learned, float headScale) {
        NDList ofHead = new NDList(weights.subList(weights.size() - 2, weights.size()));
        NDList begun = products.call("wide_head", false, new Kernels.Arguments().add(buffers.exactHidden).add(targets)
                .add(learned).add(ofHead).add(head).add(headBias));
        int entries = Math.toIntExact(head.getShape().get(0));
        for (int first = 0; first < buffers.rows; first += LOGIT_ROWS) {
            int last = Math.min(first + LOGIT_ROWS, buffers.rows);
            NDArray rows = products.numbers(first, last, headScale);
            products.call("logits", false, new Kernels.Arguments().add(buffers.hidden).add(head).add(begun.get(2))
                    .add(rows).add(buffers.logits));
            run(kernels.softmax(), last - first, 1, buffers.logits, entries, first, begun.get(0), targets, learned,
                    buffers.losses);
            products.call("logit_gradients", false, new Kernels.Arguments().add(buffers.logits).add(head)
                    .add(begun.get(1)).add(rows).add(buffers.dHidden).add(begun.get(3)));
        }
        NDList gradients = products.call("wide_gradients", false, new Kernels.Arguments().add(begun.get(3))
                .add(ofHead.get(1)));
        return new NDList(buffers.losses, buffers.dHidden, gradients.get(0), gradients.get(1));
    }

    /** From the gradient of the last LayerNorm's result to that of the embedding, by way of all layers'. */
    private NDArray backward(List<NDArray> weights, NDList begun, NDArray dHidden) {
        normBackward(weights, config.layers(), null, dHidden, null);
        for (int layer = config.layers() - 1; layer >= 0; layer--) {
            if (recompute) {
                norm(weights, layer, stream(layer), false, 1, null);
                layer(weights, layer);
            }
            NDArray y = buffers.y.get(slot(layer));
            NDArray f = buffers.f.get(slot(layer));
            NDArray logSums = buffers.logSums.get(slot(layer));
            int blocks = buffers.rows / length * config.heads();
            productGradients(buffers.dx16, f, outputs.get(layer), buffers.df, buffers.outputs.get(layer));
            run(kernels.geluBackward(), buffers.blocks, 1, y, weights.get(8 + 10 * layer), buffers.df, buffers.dy,
                    buffers.mlpSums.get(layer), buffers.rows);
            run(kernels.attentionDq(), blocks, 1, y, angles, f, buffers.df, logSums, buffers.dy, buffers.delta);
            run(kernels.attentionDkv(), blocks, 1, y, angles, buffers.df, logSums, buffers.delta, buffers.dy);
            productGradients(buffers.dy, buffers.normed.get(slot(layer)), inputs.get(layer), buffers.dNormed,
                    buffers.inputs.get(layer));
            normBackward(weights, layer, buffers.dNormed, null, buffers.dx);
        }
        sumSegments(buffers.dx, begun.get(4), begun.get(5), buffers.dEmbedding, null);
        return buffers.dEmbedding;
    }

    private void normBackward(List<NDArray> weights, int layer, NDArray d16, NDArray d, NDArray before) {
        run(kernels.layerNormBackward(), buffers.blocks, 1, stream(layer), buffers.moments.get(layer),
                weights.get(1 + 10 * layer), d16, d, before, buffers.dx, buffers.dx16, buffers.normSums.get(layer),
                buffers.rows);
    }

    private void sumSegments(NDArray x, NDArray order, NDArray offsets, NDArray sums, NDArray counts) {
        int entries = config.vocabulary();
        run(kernels.segmentSum(), blocks(entries, StepKernels.SEGMENTS), 1, x, order, offsets, entries, sums, counts);
    }

    private void product(NDArray x, NDArray w, NDArray out) {
        products.call("product", false, new Kernels.Arguments().add(x).add(w).add(out));
    }

    private void productGradients(NDArray d, NDArray x, NDArray w, NDArray dx, NDArray dw) {
        products.call("product_gradients", false, new Kernels.Arguments().add(d).add(x).add(w).add(dx).add(dw));
    }

    private void run(Kernel kernel, int x, int y, Object... values) {
        launches.computeIfAbsent(kernel, runner::load).run(x, y, arguments.of(values));
    }

    /** Where a layer's activations are: with those of the others, or in the same place. */
    private int slot(int layer) {
        return recompute ? 0 : layer;
    }

    /** Zeros of 16 bits, which DJL does not make. */
    private NDArray halves(long... shape) {
        return products.call("zeros", false, new Kernels.Arguments().add(products.numbers(type, shape[0], shape[1]))
                .add(angles)).get(0);
    }

    private static int blocks(int rows, int rowsOfBlock) {
        return (rows + rowsOfBlock - 1) / rowsOfBlock;
    }

    private static int up(int number, int multiple) {
        return (number + multiple - 1) / multiple * multiple;
    }

    @Override
    public boolean saveMemory() {
        boolean before = recompute;
        recompute = true;
        forget();
        return !before;
    }

    private void forget() {
        if (scratch != null) {
            scratch.close();
        }
        scratch = null;
        buffers = null;
    }

    /** What each micro-batch fills anew, in scratch, for as long as they have one size. */
    private final class Buffers {

        private final int rows;
        private final int blocks;
        /** The residual stream, (rows, width): before each layer, but the first, and before the head. */
        private final List<NDArray> streams = new ArrayList<>();
        private final List<NDArray> moments = new ArrayList<>();
        /** 16 bits: LayerNorm's result, what it is multiplied to, and what attention and MLP make of that. */
        private final List<NDArray> normed = new ArrayList<>();
        private final List<NDArray> y = new ArrayList<>();
        private final List<NDArray> f = new ArrayList<>();
        private final List<NDArray> logSums = new ArrayList<>();
        private final NDList inputs = new NDList();
        private final NDList outputs = new NDList();
        private final NDArray normSums;
        private final NDArray mlpSums;
        private final NDArray made;
        private final NDArray hidden;
        private final NDArray exactHidden;
        private final NDArray losses;
        private final NDArray headLogSums;
        private final NDArray dHidden;
        private final NDArray logits;
        private final NDArray targetHidden;
        private final NDArray targetCounts;
        private final NDArray dHead;
        private final NDArray dHeadBias;
        private final NDArray dx;
        private final NDArray dx16;
        private final NDArray df;
        private final NDArray dy;
        private final NDArray dNormed;
        private final NDArray delta;
        private final NDArray dEmbedding;
        private NDArray embedded;

        Buffers(int rows) {
            this.rows = rows;
            long width = config.width();
            int layers = config.layers();
            int entries = config.vocabulary();
            blocks = Math.min(BLOCKS, KernelLoss.blocks(rows, StepKernels.rows(config.width())));
            for (int layer = 0; layer <= layers; layer++) {
                streams.add(layer == 0 ? null : floats(rows, width));
                moments.add(floats(rows, 2));
                if (layer < layers) {
                    inputs.add(halves(7 * width, width));
                    outputs.add(halves(width, 5 * width));
                }
                if (layer == 0 || layer < layers && !recompute) {
                    normed.add(halves(rows, width));
                    y.add(halves(rows, 7 * width));
                    f.add(halves(rows, 5 * width));
                    logSums.add(floats(rows, config.heads()));
                }
            }
            normSums = floats(layers + 1, blocks, 3, width);
            mlpSums = floats(layers, blocks, 4 * width);
            made = halves(rows, width);
            int hiddenRows = up(rows, kernels.entryTile());
            hidden = halves(hiddenRows, width);
            exactHidden = floats(rows, width);
            losses = floats(rows);
            headLogSums = kept(scratch.full(new Shape(hiddenRows), NOTHING));
            dHidden = floats(rows, width);
            boolean narrow = kernels.softmax() == null;
            logits = narrow ? null : halves(Math.min(LOGIT_ROWS, rows), head.getShape().get(0));
            targetHidden = narrow ? floats(entries, width) : null;
            targetCounts = narrow ? floats(entries) : null;
            dHead = narrow ? floats(kernels.entryParts(), entries, width) : null;
            dHeadBias = narrow ? floats(kernels.entryParts(), entries) : null;
            dx = floats(rows, width);
            dx16 = halves(rows, width);
            df = halves(rows, 5 * width);
            dy = halves(rows, 7 * width);
            dNormed = halves(rows, width);
            delta = floats(rows, config.heads());
            dEmbedding = floats(entries, width);
        }

        private NDArray floats(long... shape) {
            return kept(scratch.create(new Shape(shape), DataType.FLOAT32));
        }

        private NDArray halves(long... shape) {
            NDArray zeros = KernelLoss.this.halves(shape);
            zeros.attach(scratch);
            return kept(zeros);
        }

        /** Longer than the step in which it was made. */
        private NDArray kept(NDArray array) {
            NDScope.unregister(array);
            return array;
        }
    }
}
