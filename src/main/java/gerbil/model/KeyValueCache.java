package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;

import java.util.List;
import java.util.stream.Stream;

/** The keys and values of the tokens seen so far, so that the next token costs one position and not all of them. */
final class KeyValueCache implements AutoCloseable {

    private final NDManager manager;
    private final List<Layer> layers;

    KeyValueCache(NDManager parent, int layers) {
        manager = parent.newSubManager();
        this.layers = Stream.generate(Layer::new).limit(layers).toList();
    }

    Layer layer(int index) {
        return layers.get(index);
    }

    /** Tokens cached. */
    int length() {
        NDArray keys = layers.get(0).keys;
        return keys == null ? 0 : (int) keys.getShape().get(2);
    }

    @Override
    public void close() {
        manager.close();
    }

    /** One layer's keys and values: (batch, heads, length, headDim). */
    final class Layer {

        private NDArray keys;
        private NDArray values;

        /** Keys and values of all tokens, the new ones last. */
        NDList append(NDArray newKeys, NDArray newValues) {
            keys = extend(keys, newKeys);
            values = extend(values, newValues);
            return new NDList(keys, values);
        }

        private NDArray extend(NDArray old, NDArray added) {
            NDArray all = old == null ? added.duplicate() : old.concat(added, 2);
            all.attach(manager);
            if (old != null) {
                old.close();
            }
            return all;
        }
    }
}
