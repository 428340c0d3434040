package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import gerbil.spec.GptJConfig;

import java.util.Arrays;

/** In one kernel call a token, with room for the keys and values of all positions from the start. */
final class FusedDecoder implements Decoder {

    private final GptJ model;
    private final Kernels kernels;
    private final NDManager manager;
    private final NDArray cos;
    private final NDArray sin;
    private final NDList keys = new NDList();
    private final NDList values = new NDList();
    private int past;

    FusedDecoder(GptJ model, Kernels kernels) {
        this.model = model;
        this.kernels = kernels;
        GptJConfig config = model.config();
        manager = model.manager().newSubManager();
        var rotation = model.rotary().at(manager, 0, config.positions());
        Shape overHeads = new Shape(config.positions(), 1, config.headDim());
        cos = rotation.cos().reshape(overHeads);
        sin = rotation.sin().reshape(overHeads);
        for (int layer = 0; layer < config.layers(); layer++) {
            keys.add(manager.zeros(new Shape(1, config.heads(), config.positions(), config.headDim())));
            values.add(manager.zeros(new Shape(1, config.heads(), config.positions(), config.headDim())));
        }
    }

    @Override
    public float[] next(int[] ids) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            long[] fresh = Arrays.stream(ids, past, ids.length).asLongStream().toArray();
            NDList logits = kernels.call("next", false, new Kernels.Arguments()
                    .add(manager.create(fresh).expandDims(0)).add(model.weights().values()).add(cos).add(sin)
                    .add(keys).add(values).add(manager.create(past)));
            past = ids.length;
            return logits.singletonOrThrow().toFloatArray();
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
