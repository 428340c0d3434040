package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

import java.util.Arrays;

/** In ordinary DJL operations. */
final class PlainDecoder implements Decoder {

    private final GptJ model;
    private final KeyValueCache cache;

    /**
     * @param cached whether keys and values of earlier tokens are kept, or everything is computed anew each time
     */
    PlainDecoder(GptJ model, boolean cached) {
        this.model = model;
        cache = cached ? new KeyValueCache(model.manager(), model.config().layers()) : null;
    }

    @Override
    public float[] next(int[] ids) {
        try (NDManager step = model.manager().newSubManager()) {
            int from = cache == null ? 0 : cache.length();
            long[] fresh = Arrays.stream(ids, from, ids.length).asLongStream().toArray();
            NDArray hidden = model.hidden(step.create(fresh).expandDims(0), cache);
            return model.head(hidden.get(":, -1")).toFloatArray();
        }
    }

    @Override
    public void close() {
        if (cache != null) {
            cache.close();
        }
    }
}
