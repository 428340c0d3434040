package gerbil.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayInputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Products of few rows, held against float64. */
class ProductsTest {

    /** DJL passes no whole numbers. */
    private static final String LIKELIEST = """

              def found(self: __torch__.M, h: Tensor, head: List[Tensor], wanted: Tensor) -> Tensor:
                return (self).likeliest(h, head, int(wanted))
            """;

    private final NDManager manager = NDManager.newBaseManager();
    private final Kernels kernels = Kernels.load(manager, new SequenceInputStream(Kernels.withProducts("products.py"),
            new ByteArrayInputStream(LIKELIEST.getBytes(StandardCharsets.UTF_8))));

    @AfterEach
    void close() {
        manager.close();
    }

    private NDArray normal(double deviation, long... shape) {
        return manager.randomNormal(0, (float) deviation, new Shape(shape), DataType.FLOAT32);
    }

    private static double[] logits(NDArray h, NDArray weight, NDArray bias) {
        return h.toType(DataType.FLOAT64, true).matMul(weight.toType(DataType.FLOAT64, true).transpose())
                .add(bias.toType(DataType.FLOAT64, true)).toDoubleArray();
    }

    /** Small matrices, and large ones that oneDNN has in blocks where this PyTorch has oneDNN. */
    @ParameterizedTest
    @CsvSource({"1, 7, 3", "5, 64, 40", "1, 256, 2304", "16, 256, 2304", "300, 1280, 256", "1, 32, 50257"})
    void productsAreTheirDefinitions(int rows, int width, int entries) {
        NDArray x = normal(1, rows, width);
        NDArray weight = normal(1, entries, width);
        NDArray bias = normal(1, entries);
        double[] expected = logits(x, weight, bias);
        Kernels ofThisPyTorch = Kernels.load(manager);
        for (Kernels either : new Kernels[] {ofThisPyTorch, kernels}) {
            NDArray prepared = either.call("prepared", false, new Kernels.Arguments().add(weight)).singletonOrThrow();
            float[] found = either.call("product", false, new Kernels.Arguments().add(x).add(prepared).add(bias))
                    .singletonOrThrow().toFloatArray();
            assertEquals(expected.length, found.length);
            for (int i = 0; i < found.length; i++) {
                assertEquals(expected[i], found[i], 1e-5 * width);
            }
        }
    }

    /** What {@link Kernels#load} goes by where PyTorch was built without oneDNN. */
    @Test
    void sourcesWithOperatorsThatPyTorchDoesNotHaveAreRefused() {
        String source = """
                class M(Module):
                  __parameters__ = []
                  __buffers__ = []
                  training : bool
                  def product(self: __torch__.M, x: Tensor) -> Tensor:
                    return ops.mkldnn._no_such_product(x)
                """;
        assertThrows(EngineException.class, () -> Kernels.load(manager,
                new ByteArrayInputStream(source.getBytes(StandardCharsets.UTF_8))));
    }

    private Set<Integer> likeliest(NDArray h, NDArray weight, NDArray bias, int wanted) {
        NDList head = new NDList(bias, bias, bias, bias); // of which the last is read
        head.addAll(kernels.call("quantized", false, new Kernels.Arguments().add(weight)));
        return Arrays.stream(kernels.call("found", false, new Kernels.Arguments().add(h).add(head)
                        .add(kernels.numbers(wanted))).singletonOrThrow().toLongArray())
                .mapToObj(Math::toIntExact).collect(Collectors.toSet());
    }

    private static Set<Integer> largest(double[] logits, int wanted) {
        return IntStream.range(0, logits.length).boxed().sorted(Comparator.comparingDouble(i -> -logits[i]))
                .limit(wanted).collect(Collectors.toSet());
    }

    /** Of weights that are much alike, that have outliers, that are large, small, or zero in part. */
    @ParameterizedTest
    @ValueSource(strings = {"normal", "outliers", "large", "small", "zeros", "alike", "biased"})
    void theLikeliestAreAmongThoseFound(String kind) {
        int entries = 3_001;
        int width = 96;
        for (int round = 0; round < 20; round++) {
            NDArray weight = normal(0.02, entries, width);
            NDArray bias = normal("biased".equals(kind) ? 1e4 : 0.1, entries);
            switch (kind) {
                case "outliers" -> weight = weight.mul(normal(1, entries, width).pow(9));
                case "large" -> weight = weight.mul(1e20);
                case "small" -> weight = weight.mul(1e-35);
                case "zeros" -> weight = weight.mul(normal(1, entries, 1).gt(0).toType(DataType.FLOAT32, false));
                case "alike" -> weight = normal(0.02, 1, width).add(normal(1e-4, entries, width));
                default -> { }
            }
            NDArray h = normal(1, 1, width);
            double[] logits = logits(h, weight, bias);
            for (int wanted : new int[] {1, 2, 40, 256}) {
                Set<Integer> found = likeliest(h, weight, bias, wanted);
                assertTrue(found.containsAll(largest(logits, wanted)), kind + ", the likeliest " + wanted);
                assertTrue(found.size() < entries || "alike".equals(kind), kind + ": all are found");
            }
        }
    }

    /** These are left to the whole product. */
    @Test
    void logitsThatAreNotNumbersHaveNoLikeliest() {
        NDArray weight = normal(1, 300, 32);
        NDArray bias = normal(1, 300);
        assertEquals(Set.of(), likeliest(normal(1, 1, 32).mul(Float.NaN), weight, bias, 1));
        assertEquals(Set.of(), likeliest(normal(1, 1, 32).mul(Float.POSITIVE_INFINITY), weight, bias, 40));
        assertEquals(Set.of(), likeliest(normal(1, 1, 32), weight.mul(Float.NaN), bias, 1));
        assertEquals(Set.of(), likeliest(normal(1, 1, 32), weight, bias, 257));
        assertEquals(Set.of(), likeliest(normal(1, 2, 32), weight, bias, 1));
        assertEquals(Set.of(), likeliest(normal(1, 1, 32), weight, bias, 0));
    }
}
