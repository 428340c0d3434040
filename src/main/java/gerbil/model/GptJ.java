package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.ConstantInitializer;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.initializer.NormalInitializer;
import ai.djl.util.PairList;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * GPT-J (Wang and Komatsuzaki 2021): a decoder whose layers add attention and MLP, both computed from the same
 * LayerNorm, to the residual stream, with rotary position embedding. Parameters carry the names and shapes of
 * transformers' {@code GPTJForCausalLM}.
 *
 * <p>A new model is frozen (no gradients are recorded); a trainer unfreezes what it trains, for as long as it does.
 */
public final class GptJ extends AbstractBlock implements AutoCloseable {

    static final float LAYER_NORM_EPSILON = 1e-5f;
    private static final NDIndex EVERYTHING = new NDIndex("...");

    private final GptJConfig config;
    private final NDManager manager;
    private final Parameter embedding;
    private final List<DecoderLayer> layers;
    private final LayerNorm finalNorm;
    private final Parameter headWeight;
    private final Parameter headBias;
    private final RotaryEmbedding rotary;

    private GptJ(GptJConfig config, NDManager manager) {
        this.config = config;
        this.manager = manager;
        GptJTensors.of(config).forEach((name, shape) -> addParameter(Parameter.builder().setName(name)
                .setType(shape.dimension() == 2 ? Parameter.Type.WEIGHT : Parameter.Type.BIAS).optShape(shape)
                .optInitializer(initializer(name, shape)).optRequiresGrad(false).build()));
        embedding = parameter(GptJTensors.EMBEDDING);
        layers = IntStream.range(0, config.layers())
                .mapToObj(i -> new DecoderLayer(config, GptJTensors.layer(i), this)).toList();
        finalNorm = new LayerNorm(GptJTensors.FINAL_NORM, this);
        headWeight = config.tied() ? embedding : parameter(GptJTensors.HEAD_WEIGHT);
        headBias = parameter(GptJTensors.HEAD_BIAS);
        rotary = new RotaryEmbedding(manager, config);
    }

    private static Initializer initializer(String name, Shape shape) {
        if (shape.dimension() == 2) {
            return new NormalInitializer(0.02f);
        }
        // of the vectors only LayerNorm's scales are weights
        return new ConstantInitializer(name.endsWith(".weight") ? 1 : 0);
    }

    /** A parameter by its name. */
    Parameter parameter(String name) {
        return parameters.get(name);
    }

    /**
     * A model with the initial weights of a seed: N(0, 0.02) for matrices, zero for biases, one for LayerNorm scales
     * (published {@code initializer_range}).
     */
    public static GptJ initialized(GptJConfig config, NDManager parent, long seed) {
        GptJ model = new GptJ(config, parent.newSubManager());
        model.manager.getEngine().setRandomSeed((int) Long.hashCode(seed));
        model.initialize();
        return model;
    }

    private void initialize() {
        initialize(manager, DataType.FLOAT32, new Shape(1, config.contextLength()));
    }

    /** A model without weights, which are to be {@linkplain #load loaded}. */
    public static GptJ empty(GptJConfig config, NDManager parent) {
        GptJ model = new GptJ(config, parent.newSubManager());
        model.setInitializer(Initializer.ZEROS, parameter -> true);
        model.initialize();
        return model;
    }

    /**
     * A model with given weights, which are copied.
     *
     * @param weights by parameter name
     * @throws GerbilException naming every missing, unknown or wrongly shaped tensor
     */
    public static GptJ of(GptJConfig config, NDManager parent, Map<String, NDArray> weights) {
        GptJ model = empty(config, parent);
        model.load(weights);
        return model;
    }

    /**
     * Replaces all weights by copies of the given ones.
     *
     * @throws GerbilException naming every missing, unknown or wrongly shaped tensor, or those that are not numbers;
     *     then nothing is changed
     */
    public void load(Map<String, NDArray> weights) {
        Map<String, NDArray> own = weights();
        List<String> wrong = new ArrayList<>();
        own.forEach((name, array) -> {
            NDArray given = weights.get(name);
            if (given == null) {
                wrong.add(name + " is missing");
            } else if (!given.getShape().equals(array.getShape())) {
                wrong.add(name + " has shape " + given.getShape() + ", not " + array.getShape());
            }
        });
        weights.keySet().stream().filter(n -> !own.containsKey(n)).forEach(n -> wrong.add(n + " is unknown"));
        if (!wrong.isEmpty()) {
            throw new GerbilException("weights in which " + String.join(", ", wrong),
                    "the " + own.size() + " tensors of " + config, "load them into the model they were saved from");
        }
        GptJTensors.requireFinite(weights);
        try (NDScope ignored = new NDScope()) {
            own.forEach((name, array) -> array.stopGradient().set(EVERYTHING, weights.get(name)));
        }
    }

    /** Forgets the gradients recorded so far. */
    public void zeroGradients() {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            weights().values().stream().filter(NDArray::hasGradient).forEach(weight -> {
                NDArray gradient = weight.getGradient();
                gradient.set(EVERYTHING, gradient.zerosLike());
            });
        }
    }

    /** The architecture. */
    public GptJConfig config() {
        return config;
    }

    /** Where the weights live; closing the model closes it. */
    public NDManager manager() {
        return manager;
    }

    /** All parameters by name, in the order of the forward pass. The arrays are the live ones. */
    public Map<String, NDArray> weights() {
        return getDirectParameters().values().stream().collect(
                Collectors.toMap(Parameter::getName, Parameter::getArray, (a, b) -> a, LinkedHashMap::new));
    }

    /** What the kernels take: all parameters in the order of the forward pass, the tied one in both its places. */
    public List<NDArray> tensors() {
        List<NDArray> tensors = new ArrayList<>(weights().values());
        if (config.tied()) {
            tensors.add(tensors.size() - 1, headWeight());
        }
        return tensors;
    }

    /** The head's weight, (vocabulary, width): of a model with a tied head the embedding. */
    public NDArray headWeight() {
        return headWeight.getArray();
    }

    /**
     * Logits of the next token at every position.
     *
     * @param inputs one array of token ids, int64 or int32, shape (batch, length)
     * @return one array of shape (batch, length, vocabulary)
     * @throws GerbilException if the length exceeds the model's context length
     */
    @Override
    protected NDList forwardInternal(ParameterStore store, NDList inputs, boolean training,
                                     PairList<String, Object> params) {
        return new NDList(logits(inputs.singletonOrThrow()));
    }

    /**
     * Logits of the next token at every position.
     *
     * @param ids int64, shape (batch, length)
     * @return shape (batch, length, vocabulary)
     * @throws GerbilException if the length exceeds the model's context length
     */
    public NDArray logits(NDArray ids) {
        long length = ids.getShape().get(1);
        config.requireContext(length);
        var rotation = rotary.at(ids.getManager(), 0, length);
        NDArray mask = causalMask(ids.getManager(), length);
        NDArray x = embedded(ids);
        for (DecoderLayer layer : layers) {
            x = layer.forward(x, rotation, mask);
        }
        return head(normed(x));
    }

    /** (batch, length) to (batch, length, width). */
    NDArray embedded(NDArray ids) {
        return Embedding.embedding(ids, embedding.getArray(), SparseFormat.DENSE).singletonOrThrow();
    }

    List<DecoderLayer> layers() {
        return layers;
    }

    /** What the head sees of the last layer's output. */
    NDArray normed(NDArray x) {
        return finalNorm.forward(x);
    }

    /** (batch, length, width) to (batch, length, vocabulary). */
    NDArray head(NDArray normed) {
        return Linear.linear(normed, headWeight(), headBias.getArray()).singletonOrThrow();
    }

    /**
     * A number as an array in PyTorch's own memory. DJL's operations on a Java number put it into a Java buffer that
     * may be collected before the backward pass reads it: in what is differentiated, a number that a gradient depends
     * on has to be one of these.
     */
    static NDArray number(NDArray like, double value) {
        return like.getManager().full(new Shape(), (float) value);
    }

    /** A large negative number where a query would see a later key: (length, length). */
    static NDArray causalMask(NDManager manager, long length) {
        NDArray position = manager.arange(0, length, 1, DataType.INT64);
        return position.reshape(1, length).gt(position.reshape(length, 1)).toType(DataType.FLOAT32, false).mul(-1e30);
    }

    /** What turns queries and keys by their positions. */
    public RotaryEmbedding rotary() {
        return rotary;
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(config.vocabulary())};
    }

    @Override
    public void close() {
        manager.close();
    }
}
