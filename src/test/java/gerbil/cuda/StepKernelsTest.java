package gerbil.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import gerbil.kernels.HeadChunks;
import gerbil.kernels.Kernels;
import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;

/**
 * Each kernel on the emulator against DJL's operators in float64, of the same 16-bit numbers. What is left is that
 * results, and probabilities on their way, have 16 bits.
 */
class StepKernelsTest {

    private static final double LOG2_E = 1 / Math.log(2);
    private static final int SHARED = 64 << 10;
    private static final String CONVERSION = """
            class M(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              def convert(self: __torch__.M, x: Tensor, type: Tensor) -> Tensor:
                return torch.to(x, int(type))
            """;

    private NDScope scope;
    private NDManager manager;
    private Kernels conversion;

    @BeforeEach
    void open() {
        scope = new NDScope();
        scope.suppressNotUsedWarning();
        manager = NDManager.newBaseManager(Device.cpu());
        manager.getEngine().setRandomSeed(7);
        conversion = Kernels.load(manager, new ByteArrayInputStream(CONVERSION.getBytes(StandardCharsets.UTF_8)));
    }

    @AfterEach
    void close() {
        manager.close();
        scope.close();
    }

    private static GptJConfig config(int entries, int width, int headDim, int length) {
        return new GptJConfig(entries, width, 1, width / headDim, headDim, length);
    }

    private static StepKernels kernels(GptJConfig config, Precision precision, int sharedBytes) {
        return StepKernels.of(config, config.contextLength(), precision, sharedBytes);
    }

    private static void run(Kernel kernel, int x, int y, Object... arguments) {
        new Emulator(SHARED).load(kernel).run(x, y, new KernelArguments().of(arguments));
    }

    private static int blocks(int rows, int ofBlock) {
        return (rows + ofBlock - 1) / ofBlock;
    }

    private NDArray normal(double deviation, long... shape) {
        return manager.randomNormal(0, (float) deviation, new Shape(shape), DataType.FLOAT32);
    }

    private NDArray converted(NDArray array, int type) {
        return conversion.call("convert", false,
                new Kernels.Arguments().add(array).add(conversion.numbers(type))).get(0);
    }

    private NDArray half(NDArray array, Precision precision) {
        return converted(array, HeadChunks.type(precision));
    }

    /** As float64, to be differentiated by. */
    private NDArray exact(NDArray array) {
        NDArray copy = manager.create(converted(array, 7).toDoubleArray(), array.getShape());
        copy.setRequiresGradient(true);
        return copy;
    }

    private NDArray nan(long... shape) {
        return manager.full(new Shape(shape), Float.NaN);
    }

    private static NDList gradients(Supplier<NDArray> sum, NDArray... of) {
        try (GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            collector.backward(sum.get());
        }
        NDList gradients = new NDList();
        for (NDArray array : of) {
            gradients.add(array.getGradient());
        }
        return gradients;
    }

    private void assertClose(String name, NDArray expected, NDArray actual, double bound) {
        NDArray wanted = expected.stopGradient();
        double largest = wanted.norm().getDouble();
        double error = converted(actual, 7).reshape(wanted.getShape()).sub(wanted).norm().getDouble();
        assertTrue(error <= bound * Math.max(largest, 0.2), name + " differs by " + error + " of " + largest);
    }

    private static double bound(Precision precision) {
        return precision == Precision.FLOAT16 ? 2e-3 : 1.2e-2;
    }

    /** Of spread out logits one is so much the largest that it is the whole sum; masked: none, some or all targets. */
    @ParameterizedTest
    @CsvSource({"32, 500, 130, 1, 0, BFLOAT16", "32, 500, 130, 1, 0.3, FLOAT16", "64, 77, 200, 1, 0.3, BFLOAT16",
        "64, 1, 40, 1, 0, FLOAT16", "128, 300, 129, 1, 0.3, BFLOAT16", "128, 129, 1, 1, 0, FLOAT16",
        "32, 300, 64, 10000, 0, BFLOAT16", "32, 300, 64, 10000, 0.3, FLOAT16", "64, 200, 64, 1, 1, FLOAT16"})
    void theHead(int width, int entries, int rows, double spread, double masked, Precision precision) {
        StepKernels kernels = kernels(config(entries, width, 8, 512), precision, SHARED);
        NDArray h = normal(1, rows, width);
        NDArray w = normal(1 / Math.sqrt(width), entries, width);
        NDArray b = normal(1, entries).clip(-1, 1).mul(spread);
        NDArray targets = manager.randomInteger(0, entries, new Shape(rows), DataType.INT64);
        NDArray learned = manager.randomUniform(0, 1, new Shape(rows)).gte(masked).toType(DataType.FLOAT32, true);
        int tiles = blocks(entries, kernels.rowTile());
        int rowTiles = blocks(rows, kernels.entryTile());
        NDArray h16 = half(padded(h.mul(LOG2_E), rowTiles * kernels.entryTile(), 0), precision);
        NDArray w16 = half(padded(w, tiles * kernels.rowTile(), 0), precision);
        NDArray bias = padded(b.mul(LOG2_E), tiles * kernels.rowTile(), -1e30f);
        NDArray losses = nan(rows);
        NDArray logSums = manager.full(new Shape((long) rowTiles * kernels.entryTile()), -1e30f);
        NDArray dh = nan(rows, width);
        NDArray onTarget = targets.oneHot(entries).mul(learned.expandDims(1)).toType(DataType.FLOAT64, true);
        NDArray targetH = onTarget.transpose().matMul(exact(h)).toType(DataType.FLOAT32, true);
        NDArray counts = onTarget.sum(new int[] {0}).toType(DataType.FLOAT32, true);
        int parts = kernels.entryParts();
        NDArray dw = nan(parts, entries, width);
        NDArray db = nan(parts, entries);
        run(kernels.headRows(), blocks(rows, StepKernels.HEAD_ROWS), 1, h16, w16, bias, rows, tiles, h, w, b,
                targets, learned, 4f, losses, logSums, dh);
        run(kernels.headEntries(), blocks(entries, StepKernels.HEAD_ROWS), parts, h16, w16, bias, entries, rowTiles,
                logSums, targetH, counts, dw, db);

        NDArray hidden = exact(h16).get("0:" + rows).div(LOG2_E);
        NDArray weight = exact(w16).get("0:" + entries);
        NDArray logits = hidden.matMul(weight.transpose()).add(exact(b));
        NDArray p = logits.softmax(1).mul(exact(learned).expandDims(1));
        NDArray largest = logits.max(new int[] {1}, true);
        NDArray logSum = logits.sub(largest).exp().sum(new int[] {1}).log().add(largest.squeeze(1));
        NDArray own = exact(h).mul(exact(w).get(targets)).sum(new int[] {1}).add(exact(b).get(targets));
        if (masked == 1) {
            for (NDArray nothing : new NDArray[] {losses, dh, dw, db}) {
                assertEquals(0, nothing.abs().max().getFloat());
            }
        }
        assertClose("losses", logSum.sub(own).mul(exact(learned)), losses, 3e-5);
        assertClose("dh", p.matMul(weight).sub(onTarget.matMul(exact(w))).mul(4), dh, bound(precision));
        assertClose("dw", p.transpose().matMul(hidden).sub(exact(targetH)), dw.sum(new int[] {0}), bound(precision));
        assertClose("db", p.sum(new int[] {0}).sub(exact(counts)), db.sum(new int[] {0}), bound(precision));
    }

    /** What a wide head has for the two; rows from the third on, and more entries than threads have at once. */
    @ParameterizedTest
    @CsvSource({"8, 1, 0, BFLOAT16", "3000, 3, 0.3, FLOAT16", "9000, 10000, 0.3, BFLOAT16", "9000, 10000, 0, FLOAT16",
        "80, 1, 1, BFLOAT16"})
    void softmax(int entries, double spread, double masked, Precision precision) {
        int rows = 5;
        int first = 2;
        NDArray logits = half(normal(1, rows, entries).clip(-4, 4).mul(spread), precision);
        NDArray z = exact(logits).stopGradient();
        NDArray targets = manager.randomInteger(0, entries, new Shape(first + rows), DataType.INT64);
        NDArray learned = manager.randomUniform(0, 1, targets.getShape()).gte(masked).toType(DataType.FLOAT32, true);
        NDArray own = normal(1, first + rows);
        NDArray losses = manager.zeros(new Shape(first + rows));
        run(kernels(config(entries, 256, 8, 512), precision, SHARED).softmax(), rows, 1, logits, entries, first, own,
                targets, learned, losses);
        NDArray counts = exact(learned).stopGradient().get(first + ":").expandDims(1);
        NDArray onTarget = targets.get(first + ":").oneHot(entries).toType(DataType.FLOAT64, true);
        NDArray p = z.div(LOG2_E).softmax(1);
        NDArray largest = z.max(new int[] {1}, true).div(LOG2_E);
        NDArray logSum = z.div(LOG2_E).sub(largest).exp().sum(new int[] {1}).log().add(largest.squeeze(1));
        assertClose("gradients", p.sub(onTarget).mul(counts), logits, bound(precision));
        assertClose("losses", logSum.sub(exact(own).get(first + ":")).mul(counts.squeeze(1)), losses.get(first + ":"),
                3e-5);
    }

    private NDArray padded(NDArray array, int rows, float by) {
        Shape rest = array.getShape().slice(1);
        Shape shape = new Shape(rows - array.getShape().get(0)).addAll(rest);
        return shape.get(0) == 0 ? array : array.concat(manager.full(shape, by), 0);
    }

    /** Also lengths that no tile divides, and so little shared memory that keys come in several chunks. */
    @ParameterizedTest
    @CsvSource({"8, 200, 65536, 1, BFLOAT16", "8, 300, 6000, 1, FLOAT16", "16, 1, 65536, 1, BFLOAT16",
        "16, 97, 65536, 10, FLOAT16", "16, 600, 15000, 1, BFLOAT16", "32, 64, 65536, 1, FLOAT16",
        "32, 290, 20000, 3, BFLOAT16"})
    void attention(int headDim, int length, int sharedBytes, double deviation, Precision precision) {
        int heads = 2;
        int width = heads * headDim;
        StepKernels kernels = kernels(config(10, width, headDim, length), precision, sharedBytes);
        assertTrue(kernels.attentionDkv().sharedBytes() <= sharedBytes);
        NDArray y = half(normal(deviation, 2L * length, 7L * width), precision);
        NDArray d = half(normal(1, 2L * length, 5L * width), precision);
        NDArray turns = manager.randomUniform(0, 6, new Shape(length, headDim / 2));
        NDArray angles = NDArrays.stack(new NDList(turns.cos(), turns.sin()), 2);
        NDArray f = half(nan(2L * length, 5L * width), precision);
        NDArray dy = half(nan(2L * length, 7L * width), precision);
        NDArray logSums = nan(2L * heads, length);
        NDArray delta = nan(2L * heads, length);
        run(kernels.attention(), 2 * heads, 1, y, angles, f, logSums);
        run(kernels.attentionDq(), 2 * heads, 1, y, angles, f, d, logSums, dy, delta);
        run(kernels.attentionDkv(), 2 * heads, 1, y, angles, d, logSums, delta, dy);

        NDArray input = exact(y);
        NDArray gradient = exact(d).get(":, 0:" + width);
        Supplier<NDArray> mixed = () -> {
            NDArray qkv = input.get(":, 0:" + 3 * width).reshape(2, length, 3, heads, headDim).transpose(2, 0, 3, 1, 4);
            NDArray later = manager.ones(new Shape(length, length), DataType.FLOAT64).sub(
                    manager.arange(length).reshape(-1, 1).gte(manager.arange(length)).toType(DataType.FLOAT64, true));
            return turned(qkv.get(0), angles).matMul(turned(qkv.get(1), angles).swapAxes(2, 3)).div(Math.sqrt(headDim))
                    .sub(later.mul(1e9)).softmax(-1).matMul(qkv.get(2)).transpose(0, 2, 1, 3)
                    .reshape(2L * length, width);
        };
        NDArray expected = mixed.get();
        NDList gradients = gradients(() -> mixed.get().mul(gradient).sum(), input);
        // queries that are turned and scaled are rounded: the larger they are the more it matters
        double bound = bound(precision) * Math.max(1, deviation * deviation);
        assertClose("f", expected, exact(f).get(":, 0:" + width), bound);
        for (int i = 0; i < 3; i++) {
            String columns = ":, " + i * width + ":" + (i + 1) * width;
            assertClose("dy " + columns, gradients.get(0).get(columns), exact(dy).get(columns), bound);
        }
    }

    private NDArray turned(NDArray x, NDArray angles) {
        Shape pairs = x.getShape();
        NDArray z = x.reshape(pairs.get(0), pairs.get(1), pairs.get(2), pairs.get(3) / 2, 2);
        NDArray a = z.get("..., 0");
        NDArray b = z.get("..., 1");
        NDArray cos = angles.get("..., 0").toType(DataType.FLOAT64, true);
        NDArray sin = angles.get("..., 1").toType(DataType.FLOAT64, true);
        return NDArrays.stack(new NDList(a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))), 4).reshape(pairs);
    }

    @ParameterizedTest
    @CsvSource({"32, 70, 1, BFLOAT16", "64, 33, 3, FLOAT16", "128, 5, 10000, BFLOAT16", "256, 17, 10000, FLOAT16"})
    void gelu(int width, int rows, double deviation, Precision precision) {
        StepKernels kernels = kernels(config(10, width, 8, 64), precision, SHARED);
        NDArray y = half(normal(deviation, rows, 7L * width), precision);
        NDArray d = half(normal(1, rows, 5L * width), precision);
        NDArray bias = normal(1, 4L * width);
        NDArray f = half(nan(rows, 5L * width), precision);
        NDArray dy = half(nan(rows, 7L * width), precision);
        NDArray sums = nan(3, 4L * width);
        int ofBlock = StepKernels.geluRows(width);
        run(kernels.gelu(), blocks(rows, ofBlock), 1, y, bias, f, rows);
        run(kernels.geluBackward(), 3, 1, y, bias, d, dy, sums, rows);

        NDArray input = exact(y);
        NDArray shift = exact(bias);
        Supplier<NDArray> gelu = () -> {
            NDArray x = input.get(":, " + 3 * width + ":").add(shift);
            return x.mul(x.pow(3).mul(0.044715).add(x).mul(Math.sqrt(2 / Math.PI)).tanh().add(1)).mul(0.5);
        };
        NDArray expected = gelu.get();
        NDList gradients = gradients(() -> gelu.get().mul(exact(d).get(":, " + width + ":")).sum(), input, shift);
        assertClose("f", expected, exact(f).get(":, " + width + ":"), bound(precision));
        assertClose("dy", gradients.get(0).get(":, " + 3 * width + ":"), exact(dy).get(":, " + 3 * width + ":"),
                bound(precision));
        assertClose("bias", gradients.get(1), sums.sum(new int[] {0}), bound(precision));
    }

    /** In a layer, with what the layer before has made, and before the head, whose gradient is float32. */
    @ParameterizedTest
    @CsvSource({"32, 70, false, BFLOAT16", "64, 33, true, FLOAT16", "128, 5, true, BFLOAT16",
        "256, 17, false, FLOAT16"})
    void layerNorm(int width, int rows, boolean inLayer, Precision precision) {
        StepKernels kernels = kernels(config(10, width, 8, 64), precision, SHARED);
        NDArray x = normal(3, rows, width).add(100);
        NDArray added = inLayer ? half(normal(1, rows, width), precision) : null;
        NDArray bias = normal(1, width);
        NDArray gain = normal(1, width);
        NDArray shift = normal(1, width);
        NDArray sum = nan(rows, width);
        NDArray normed16 = half(nan(rows, width), precision);
        NDArray normed = nan(rows, width);
        NDArray moments = nan(rows, 2);
        int ofBlock = StepKernels.rows(width);
        run(kernels.layerNorm(), blocks(rows, ofBlock), 1, x, added, inLayer ? bias : null, gain, shift, sum,
                normed16, normed, moments, 2f, rows);
        NDArray d = inLayer ? half(normal(1, rows, width), precision) : normal(1, rows, width);
        NDArray before = normal(1, rows, width);
        NDArray dx = before.duplicate();
        NDArray dx16 = half(nan(rows, width), precision);
        NDArray sums = nan(2, 3, width);
        run(kernels.layerNormBackward(), 2, 1, inLayer ? sum : x, moments, gain, inLayer ? d : null, inLayer ? null : d,
                dx, dx, dx16, sums, rows);

        NDArray input = exact(inLayer ? sum : x);
        NDArray[] affine = {exact(gain), exact(shift)};
        Supplier<NDArray> norm = () -> {
            NDArray centered = input.sub(input.mean(new int[] {1}, true));
            return centered.div(centered.square().mean(new int[] {1}, true).add(1e-5).sqrt()).mul(affine[0])
                    .add(affine[1]);
        };
        if (inLayer) {
            assertClose("sum", exact(x).add(exact(added)).add(exact(bias)), sum, 1e-6);
        }
        NDArray expected = norm.get();
        NDList gradients = gradients(() -> norm.get().mul(exact(d)).sum(), input, affine[0], affine[1]);
        NDArray whole = gradients.get(0).add(exact(before));
        assertClose("normed", expected, normed, 1e-4);
        assertClose("normed16", expected.mul(2), normed16, bound(precision));
        assertClose("dx", whole, dx, 1e-4);
        assertClose("dx16", whole, dx16, bound(precision));
        NDArray all = sums.sum(new int[] {0});
        assertClose("gain", gradients.get(1), all.get(0), 1e-4);
        assertClose("shift", gradients.get(2), all.get(1), 1e-4);
        assertClose("sum of dx", whole.sum(new int[] {0}), all.get(2), 1e-4);
    }

    /** Also an entry with more rows than a warp adds, and entries with none; what is past the last is left out. */
    @ParameterizedTest
    @CsvSource({"32, 77", "64, 8", "128, 1", "256, 20"})
    void segmentSum(int width, int entries) {
        int rows = 300;
        StepKernels kernels = kernels(config(entries, width, 8, 64), Precision.FLOAT16, SHARED);
        NDArray x = normal(1, rows, width);
        NDArray ids = manager.randomInteger(0, 2L * entries, new Shape(rows), DataType.INT64).minimum(entries).mul(
                manager.randomUniform(0, 1, new Shape(rows)).gt(0.3).toType(DataType.INT64, true));
        NDArray order = ids.argSort();
        NDArray offsets = manager.create(offsets(ids.toLongArray(), entries));
        NDArray sums = nan(entries, width);
        NDArray counts = nan(entries);
        run(kernels.segmentSum(), blocks(entries, StepKernels.SEGMENTS), 1, x, order, offsets, entries, sums, counts);
        NDArray of = ids.oneHot(entries + 1).get(":, 0:" + entries).toType(DataType.FLOAT64, true);
        assertClose("sums", of.transpose().matMul(exact(x)), sums, 1e-6);
        assertEquals(of.sum(new int[] {0}).toType(DataType.FLOAT32, true), counts);
    }

    private static int[] offsets(long[] ids, int entries) {
        int[] offsets = new int[entries + 1];
        for (long id : ids) {
            for (int entry = (int) id + 1; entry <= entries; entry++) {
                offsets[entry]++;
            }
        }
        return offsets;
    }
}
