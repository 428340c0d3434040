package gerbil.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.model.GptJ;
import gerbil.model.PlainLoss;
import gerbil.model.TrainingLoss;
import gerbil.spec.GptJConfig;
import gerbil.spec.Precision;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.Map;
import java.util.TreeMap;

/**
 * A whole step, on the emulator, against the plain path in float32: with masked targets, activations kept and computed
 * again, heads of its own and tied ones. Gradients are added to those that are there, also behind a pass of another
 * size.
 */
class KernelLossTest {

    private static final int SHARED = 64 << 10;

    private static StepSettings settings(Precision precision, boolean recompute) {
        return new StepSettings(TrainingPath.KERNELS, precision, 2, 64, 0, recompute, 1);
    }

    @ParameterizedTest
    @CsvSource({"32, 4, 500, 70, BFLOAT16, false, false", "32, 2, 129, 64, FLOAT16, true, false",
        "64, 4, 300, 96, BFLOAT16, true, true", "32, 1, 77, 40, FLOAT16, false, true",
        "128, 8, 90, 64, FLOAT16, false, false", "256, 8, 61, 33, BFLOAT16, false, false",
        "256, 8, 9001, 16, FLOAT16, false, true"})
    void gradientsAreThePlainPaths(int width, int heads, int entries, int length, Precision precision,
                                   boolean recompute, boolean tied) {
        GptJConfig config = new GptJConfig(entries, width, 2, heads, width / heads, length).withTiedHead(tied);
        try (NDManager manager = NDManager.newBaseManager(Device.cpu()); NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            manager.getEngine().setRandomSeed(7);
            GptJ model = GptJ.initialized(config, manager, 3);
            model.weights().values().forEach(weight -> weight.setRequiresGradient(true));
            NDArray ids = manager.randomInteger(0, entries, new Shape(2, length), DataType.INT64);
            NDArray targets = manager.randomInteger(0, entries, new Shape(2, length), DataType.INT64);
            NDArray groups = manager.randomInteger(-1, 2, new Shape(2, length), DataType.INT64);
            TrainingLoss plain = new PlainLoss(model);
            TrainingLoss kernels = new KernelLoss(model, length, settings(precision, recompute),
                    () -> 8, new Emulator(SHARED));
            float scale = 1f / length;
            NDArray expected = plain.accumulate(ids, targets, groups, 2, scale);
            Map<String, NDArray> gradients = new TreeMap<>();
            model.weights().forEach((name, weight) -> gradients.put(name, weight.getGradient().duplicate()));
            kernels.accumulate(ids.get("0:1"), targets.get("0:1"), groups.get("0:1"), 2, scale);
            model.zeroGradients();
            kernels.accumulate(ids, targets, groups, 2, scale);
            NDArray losses = kernels.accumulate(ids, targets, groups, 2, scale);
            double bound = precision == Precision.FLOAT16 ? 2e-3 : 2e-2;
            assertTrue(expected.sub(losses).abs().max().getFloat() < bound, expected + " " + losses);
            gradients.forEach((name, gradient) -> {
                NDArray own = model.weights().get(name).getGradient().div(2 * 8);
                float error = own.sub(gradient).norm().getFloat() / gradient.norm().getFloat();
                assertEquals(0, error, bound, name);
            });
        }
    }
}
