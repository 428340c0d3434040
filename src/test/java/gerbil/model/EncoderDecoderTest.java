package gerbil.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.LinkedHashMap;
import java.util.Map;

class EncoderDecoderTest {

    private static final float BOUND = 2e-5f;

    private NDManager manager;
    private EncoderDecoder model;

    @BeforeEach
    void begin() {
        manager = NDManager.newBaseManager();
        model = new EncoderDecoder(TinyModel.create(manager, 1), TinyModel.create(manager, 2), 3);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private NDArray ids(long... ids) {
        return manager.create(ids, new Shape(1, ids.length));
    }

    private EncoderDecoder.Memory read(long... ids) {
        return model.read(ids(ids), manager.create(new long[] {ids.length}));
    }

    /** Cross-attention that is large enough to be seen in the logits. */
    private void cross() {
        Map<String, NDArray> weights = new LinkedHashMap<>();
        model.crossWeights().forEach((name, array) -> weights.put(name, manager.randomNormal(array.getShape())));
        model.loadCross(weights);
    }

    @Test
    void newOneComputesWhatItsDecoderDoesAlone() {
        NDArray answer = ids(4, 5, 6);
        assertArrayEquals(model.decoder().logits(answer).toFloatArray(),
                model.logits(read(1, 2, 3), answer).toFloatArray(), 0);
        cross();
        assertFalse(model.decoder().logits(answer).allClose(model.logits(read(1, 2, 3), answer), 1e-3, 1e-3, false));
    }

    @Test
    void encoderSeesBothWaysAndDecoderBackAlone() {
        cross();
        NDArray first = read(1, 2, 3).states().get(0, 0);
        assertFalse(first.allClose(read(1, 2, 9).states().get(0, 0), 1e-3, 1e-3, false));
        EncoderDecoder.Memory memory = read(1, 2, 3);
        NDArray logits = model.logits(memory, ids(4, 5, 6));
        NDArray other = model.logits(memory, ids(4, 5, 9));
        assertArrayEquals(logits.get(0, 1).toFloatArray(), other.get(0, 1).toFloatArray(), BOUND);
        assertFalse(logits.get(0, 2).allClose(other.get(0, 2), 1e-3, 1e-3, false));
    }

    @Test
    void paddingIsNotSeen() {
        cross();
        NDArray sources = manager.create(new long[] {1, 2, 3, 0, 0, 7, 8, 9, 10, 11}, new Shape(2, 5));
        NDArray answers = manager.create(new long[] {4, 5, 6, 4, 5, 6}, new Shape(2, 3));
        NDArray together = model.logits(model.read(sources, manager.create(new long[] {3, 5})), answers);
        assertArrayEquals(model.logits(read(1, 2, 3), ids(4, 5, 6)).toFloatArray(), together.get(0).toFloatArray(),
                BOUND);
        assertArrayEquals(model.logits(read(7, 8, 9, 10, 11), ids(4, 5, 6)).toFloatArray(),
                together.get(1).toFloatArray(), BOUND);
    }

    @Test
    void everythingIsLearnedButTheHeadThatNobodyUses() {
        long head = TinyModel.CONFIG.vocabulary() * (TinyModel.CONFIG.width() + 1L);
        long cross = 4L * TinyModel.CONFIG.layers() * TinyModel.CONFIG.width() * TinyModel.CONFIG.width();
        assertEquals(2 * TinyModel.CONFIG.parameters() - head + cross,
                model.weights().values().stream().mapToLong(NDArray::size).sum());
        model.freeze(false);
        assertTrue(model.weights().values().stream().allMatch(NDArray::hasGradient));
        assertFalse(model.encoder().weights().get("lm_head.weight").hasGradient());
    }

    @Test
    void halvesHaveOneVocabulary() {
        GptJ other = GptJ.initialized(new GptJConfig(60, 16, 2, 2, 4, 24), manager, 0);
        assertEquals("Found: an encoder of 60 rows and width 16 and a decoder of 50 rows and width 16. "
                + "Expected: halves of one vocabulary and one width. To do: begin both with the same model.",
                assertThrows(GerbilException.class, () -> new EncoderDecoder(other, model.decoder(), 0)).getMessage());
    }

    @Test
    void crossAttentionOfAnotherModelIsRefused() {
        Map<String, NDArray> weights = model.crossWeights();
        weights.remove("h.1.cross_attn.q_proj.weight");
        assertTrue(assertThrows(GerbilException.class, () -> model.loadCross(weights)).getMessage()
                .startsWith("Found: cross-attention of [h.0.cross_attn.k_proj.weight"));
    }
}
