package gerbil.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

class GptJTest {

    private NDManager manager;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"40k", "92k", "183k", "3.3m"})
    void parametersAreCountedAsTheyAre(String size) {
        ModelSize of = ModelSize.of(size);
        for (GptJConfig config : List.of(of.config(Objective.CAUSAL), of.config(Objective.BLENDER),
                of.config(Objective.CAUSAL).withTiedHead(true))) {
            try (GptJ model = GptJ.initialized(config, manager, 0)) {
                assertEquals(config.parameters(), model.weights().values().stream().mapToLong(NDArray::size).sum());
            }
        }
    }

    @Test
    void initialWeightsAreAFunctionOfTheSeed() {
        Map<String, NDArray> weights = GptJ.initialized(TinyModel.CONFIG, manager, 1).weights();
        Map<String, NDArray> same = GptJ.initialized(TinyModel.CONFIG, manager, 1).weights();
        Map<String, NDArray> other = GptJ.initialized(TinyModel.CONFIG, manager, 2).weights();
        weights.forEach((name, weight) -> {
            assertArrayEquals(weight.toFloatArray(), same.get(name).toFloatArray(), name);
            boolean matrix = weight.getShape().dimension() == 2;
            assertEquals(!matrix, Arrays.equals(weight.toFloatArray(), other.get(name).toFloatArray()), name);
        });
    }

    @Test
    void initialWeightsAreDistributedAsPublished() {
        var weights = GptJ.initialized(ModelSize.of("92k").config(Objective.CAUSAL), manager, 3).weights();
        weights.forEach((name, weight) -> {
            if (weight.getShape().dimension() == 1) {
                float constant = name.contains("ln_") && name.endsWith("weight") ? 1 : 0;
                assertEquals(constant, weight.min().getFloat(), name);
                assertEquals(constant, weight.max().getFloat(), name);
            } else {
                double n = weight.size();
                double sigma = Math.sqrt(weight.square().mean().getFloat());
                assertEquals(0, weight.mean().getFloat(), 5 * 0.02 / Math.sqrt(n), name);
                assertEquals(0.02, sigma, 5 * 0.02 / Math.sqrt(2 * n), name);
                float within = weight.abs().lt(0.02).toType(DataType.FLOAT32, true).mean().getFloat();
                assertEquals(0.6827, within, 5 * 0.4655 / Math.sqrt(n), name);
            }
        });
    }

    @Test
    void laterTokensDoNotChangeEarlierLogits() {
        GptJ model = TinyModel.create(manager, 1);
        int vocabulary = TinyModel.CONFIG.vocabulary();
        long[] ids = {3, 1, 4, 1, 5, 9, 2, 6};
        float[] before = model.logits(manager.create(ids, new Shape(1, 8))).toFloatArray();
        for (int changed = 0; changed < ids.length; changed++) {
            long[] other = ids.clone();
            other[changed] = 40;
            float[] after = model.logits(manager.create(other, new Shape(1, 8))).toFloatArray();
            int same = changed * vocabulary;
            assertArrayEquals(Arrays.copyOf(before, same), Arrays.copyOf(after, same), 1e-6f);
            assertFalse(Arrays.equals(Arrays.copyOfRange(before, same, same + vocabulary),
                    Arrays.copyOfRange(after, same, same + vocabulary)));
        }
    }

    @Test
    void positionsMatter() {
        GptJ model = TinyModel.create(manager, 1);
        float[] logits = model.logits(manager.create(new long[] {7, 8, 9, 8, 7, 9}, new Shape(2, 3))).toFloatArray();
        int half = logits.length / 2;
        int last = TinyModel.CONFIG.vocabulary();
        assertFalse(Arrays.equals(Arrays.copyOfRange(logits, half - last, half),
                Arrays.copyOfRange(logits, 2 * half - last, 2 * half)));
    }

    @Test
    void sequencesBeyondThePositionsAreRefused() {
        GptJ model = TinyModel.create(manager, 1);
        NDArray ids = manager.zeros(new Shape(1, 25), DataType.INT64);
        String message = assertThrows(GerbilException.class, () -> model.logits(ids)).getMessage();
        assertTrue(message.contains("25 tokens") && message.contains("at most 24"), message);
        assertEquals(new Shape(1, 24, 50), model.logits(ids.get(":, :24")).getShape());
    }

    /** It begins with the weights of an untied model of the same seed, and is one whose head is its embedding. */
    @Test
    void aTiedHeadIsTheEmbedding() {
        GptJ tied = TinyModel.create(TinyModel.CONFIG.withTiedHead(true), manager, 1);
        Map<String, NDArray> weights = new LinkedHashMap<>(TinyModel.create(manager, 1).weights());
        weights.remove("lm_head.weight");
        assertEquals(weights.keySet(), tied.weights().keySet());
        weights.forEach((name, weight) -> assertEquals(weight, tied.weights().get(name), name));

        weights.put("lm_head.weight", weights.get("transformer.wte.weight"));
        NDArray ids = manager.create(new long[][] {{1, 2, 3}});
        assertArrayEquals(GptJ.of(TinyModel.CONFIG, manager, weights).logits(ids).toFloatArray(),
                tied.logits(ids).toFloatArray());
        assertTrue(assertThrows(GerbilException.class, () -> tied.load(weights)).getMessage()
                .contains("lm_head.weight is unknown"));
    }

    @Test
    void loadedWeightsAreCopies() {
        GptJ source = TinyModel.create(manager, 1);
        GptJ copy = GptJ.of(TinyModel.CONFIG, manager, source.weights());
        NDArray ids = manager.create(new long[][] {{1, 2, 3}});
        float[] logits = source.logits(ids).toFloatArray();
        source.close();
        assertArrayEquals(logits, copy.logits(ids).toFloatArray());
    }

    @Test
    void wrongWeightsAreAllNamedAndNothingIsChanged() {
        GptJ model = TinyModel.create(manager, 1);
        Map<String, NDArray> weights = new LinkedHashMap<>(TinyModel.create(manager, 2).weights());
        weights.remove("transformer.h.0.mlp.fc_in.bias");
        weights.put("lm_head.bias", manager.zeros(new Shape(49)));
        weights.put("transformer.h.2.attn.k_proj.weight", manager.zeros(new Shape(16, 16)));
        float[] before = model.weights().get("transformer.wte.weight").toFloatArray();

        String message = assertThrows(GerbilException.class, () -> model.load(weights)).getMessage();
        for (String wrong : new String[] {"transformer.h.0.mlp.fc_in.bias is missing", "lm_head.bias has shape (49)",
            "not (50)", "transformer.h.2.attn.k_proj.weight is unknown"}) {
            assertTrue(message.contains(wrong), message);
        }
        assertArrayEquals(before, model.weights().get("transformer.wte.weight").toFloatArray());
    }
}
