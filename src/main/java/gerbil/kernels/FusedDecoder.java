package gerbil.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import gerbil.model.GptJ;
import gerbil.spec.GptJConfig;

import java.util.Arrays;
import java.util.List;

/**
 * Several tokens in one kernel call, with room for the keys and values of all positions from the start. What a layer
 * multiplies its input with is packed into one matrix once, and so is what makes its output.
 */
final class FusedDecoder implements AutoCloseable {

    private final Kernels kernels;
    private final Sampling sampling;
    private final NDManager manager;
    private final NDArray embedding;
    private final NDList layers = new NDList();
    private final NDList head = new NDList();
    private final NDList caches = new NDList();
    private final NDArray cos;
    private final NDArray sin;
    private int past;

    /**
     * @param entries draw only ids below this
     */
    FusedDecoder(GptJ model, Kernels kernels, int entries, Sampling sampling) {
        this.kernels = kernels;
        this.sampling = sampling;
        GptJConfig config = model.config();
        manager = model.manager().newSubManager();
        var rotation = model.rotary().at(manager, 0, config.positions());
        List<NDArray> weights = List.copyOf(model.weights().values());
        embedding = weights.get(0);
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            cos = rotation.cos().tile(new long[] {1, 2L * config.heads()});
            sin = rotation.sin().tile(new long[] {1, 2L * config.heads()});
            NDArray turn = rotation.quarterTurn().transpose();
            Shape shape = new Shape(2, 1, config.heads(), config.positions(), config.headDim());
            for (int layer = 0; layer < config.layers(); layer++) {
                layers.addAll(packed(weights.subList(1 + 10 * layer, 11 + 10 * layer), turn));
                caches.add(manager.zeros(shape));
            }
            List<NDArray> last = weights.subList(weights.size() - 4, weights.size());
            NDIndex rows = new NDIndex(":{}", entries);
            head.addAll(List.of(last.get(0), last.get(1), transposed(last.get(2).get(rows)), last.get(3).get(rows)));
            NDScope.unregister(layers);
            NDScope.unregister(head);
            NDScope.unregister(caches);
            NDScope.unregister(cos, sin);
        }
    }

    /**
     * @param layer weights in the order of GptJ's parameters: LayerNorm, k, v, q, attention's output, MLP's input and output
     * @param turn takes a head to its quarter turn, (headDim, headDim)
     */
    private static NDList packed(List<NDArray> layer, NDArray turn) {
        NDArray k = layer.get(2);
        NDArray v = layer.get(3);
        NDArray q = layer.get(4);
        Shape square = q.getShape();
        Shape heads = new Shape(-1, turn.getShape().get(0), square.get(1));
        NDList in = new NDList(q, k, v, turn.matMul(q.reshape(heads)).reshape(square),
                turn.matMul(k.reshape(heads)).reshape(square), layer.get(6));
        NDArray noBias = q.getManager().zeros(new Shape(5 * square.get(0)));
        return new NDList(layer.get(0), layer.get(1), transposed(NDArrays.concat(in)), noBias.concat(layer.get(7)),
                layer.get(5).concat(layer.get(8), 1), layer.get(9));
    }

    /** For one token, the product with a matrix of many rows is up to five times faster with its transpose in memory. */
    private static NDArray transposed(NDArray matrix) {
        NDArray view = matrix.transpose();
        return view.flatten().reshape(view.getShape());
    }

    /**
     * Continues a sequence.
     *
     * @param ids the sequence so far: that of the last call, what it returned, or more
     * @param draws numbers in [0, 1), one a token to be drawn
     * @return the tokens drawn
     */
    int[] next(int[] ids, double[] draws) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            long[] unseen = Arrays.stream(ids, past, ids.length).asLongStream().toArray();
            NDList drawn = kernels.call("generate", false, new Kernels.Arguments()
                    .add(manager.create(unseen)).add(embedding).add(layers).add(head).add(caches).add(cos).add(sin)
                    .add(kernels.numbers(draws))
                    .add(kernels.numbers(past, sampling.temperature(), sampling.topK(), sampling.topP())));
            past = ids.length + draws.length - 1;
            return Arrays.stream(drawn.singletonOrThrow().toLongArray()).mapToInt(Math::toIntExact).toArray();
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
