package gerbil.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.spec.Precision;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Held against softmax and products in float64. */
class BlockwiseHeadTest {

    private static final NDManager MANAGER = NDManager.newBaseManager(Device.cpu());
    private static final Kernels KERNELS = Kernels.load(MANAGER);
    private static final int WIDTH = 24;
    private static final int ENTRIES = 70;

    @AfterAll
    static void close() {
        MANAGER.close();
    }

    /** What the loss is to be computed of. */
    private record Inputs(NDArray hidden, NDArray targets, NDArray learned, NDArray weight, NDArray bias) {

        static Inputs random(int rows, double scale) {
            MANAGER.getEngine().setRandomSeed(1);
            return new Inputs(MANAGER.randomNormal(new Shape(rows, WIDTH)),
                    MANAGER.randomInteger(0, ENTRIES, new Shape(rows), DataType.INT64),
                    MANAGER.arange(rows).mod(3).neq(1).toType(DataType.FLOAT32, false),
                    MANAGER.randomNormal(new Shape(ENTRIES, WIDTH)).mul(scale),
                    MANAGER.randomNormal(new Shape(ENTRIES)));
        }

        NDList head(Precision precision, int chunk, int block) {
            return KERNELS.call("head", false, new Kernels.Arguments().add(hidden).add(targets).add(learned).add(weight)
                    .add(bias).add(KERNELS.numbers(HeadChunks.type(precision), chunk, block)));
        }

        NDList expected() {
            NDArray x = hidden.toType(DataType.FLOAT64, false);
            NDArray w = weight.toType(DataType.FLOAT64, false);
            NDArray counted = learned.toType(DataType.FLOAT64, false).expandDims(1);
            NDArray own = targets.oneHot(ENTRIES, DataType.FLOAT64);
            NDArray logP = x.matMul(w.transpose()).add(bias.toType(DataType.FLOAT64, false)).logSoftmax(1);
            NDArray gradient = logP.exp().sub(own).mul(counted);
            return new NDList(logP.mul(own).sum(new int[] {1}).neg().mul(counted.squeeze(1)), gradient.matMul(w),
                    gradient.transpose().matMul(x), gradient.sum(new int[] {0}));
        }
    }

    /** At 30 times an ordinary size most logits are above the own one by more than a float32's exponent has room for. */
    @ParameterizedTest
    @CsvSource({"50, 1, FLOAT32, 1e-5", "50, 30, FLOAT32, 1e-5", "1, 30, FLOAT32, 1e-5", "50, 1, BFLOAT16, 2e-2",
            "50, 30, BFLOAT16, 1e-1"})
    void lossesAndGradientsAreThoseOfASoftmax(int rows, double scale, Precision precision, double tolerance) {
        Inputs inputs = Inputs.random(rows, scale);
        NDList expected = inputs.expected();
        for (int[] sizes : new int[][] {{256, 2_048}, {17, 32}, {1, 1}}) {
            NDList found = inputs.head(precision, sizes[0], sizes[1]);
            for (int i = 0; i < 4; i++) {
                NDArray wanted = expected.get(i).toType(DataType.FLOAT32, false);
                float most = wanted.abs().max().getFloat();
                assertArrayEquals(wanted.toFloatArray(), found.get(i).toFloatArray(), (float) tolerance * most);
            }
        }
    }

    @Test
    void whatIsNoNumberStaysNone() {
        Inputs inputs = Inputs.random(9, 1);
        inputs.hidden().set(new NDIndex(3, 5), Float.NaN);
        NDList found = inputs.head(Precision.FLOAT32, 4, 32);
        assertTrue(Float.isNaN(found.get(0).getFloat(3)));
        assertTrue(Float.isFinite(found.get(0).getFloat(2)));
    }
}
