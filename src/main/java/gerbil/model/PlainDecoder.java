package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;

import java.util.Arrays;

/** In ordinary DJL operations, a token at a time. */
final class PlainDecoder implements Decoder {

    private final GptJ model;
    private final int entries;
    private final Sampling sampling;
    private final KeyValueCache cache;

    /**
     * @param entries draw only ids below this
     * @param cached whether keys and values of earlier tokens are kept, or everything is computed anew each time
     */
    PlainDecoder(GptJ model, int entries, Sampling sampling, boolean cached) {
        this.model = model;
        this.entries = entries;
        this.sampling = sampling;
        cache = cached ? new KeyValueCache(model.manager(), model.config().layers()) : null;
    }

    @Override
    public int[] next(int[] ids, double[] draws) {
        int[] all = Arrays.copyOf(ids, ids.length + draws.length);
        for (int i = 0; i < draws.length; i++) {
            int length = ids.length + i;
            all[length] = sampling.draw(Arrays.copyOf(logits(Arrays.copyOf(all, length)), entries), draws[i]);
        }
        return Arrays.copyOfRange(all, ids.length, all.length);
    }

    private float[] logits(int[] ids) {
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
