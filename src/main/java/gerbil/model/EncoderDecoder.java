package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.ConstantInitializer;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.initializer.NormalInitializer;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * An encoder and a decoder of GPT-J layers. The encoder has no causal mask and no head. Each layer of the decoder adds
 * cross-attention to what the encoder made of its text, computed from the layer's own LayerNorm as attention and MLP
 * are. Its output projections begin as zero (as in Zhang et al. 2023): a new model computes what its decoder does
 * alone.
 */
public final class EncoderDecoder implements AutoCloseable {

    private static final Set<String> HEAD = Set.of(GptJTensors.HEAD_WEIGHT, GptJTensors.HEAD_BIAS);

    private static final float UNSEEN = -1e30f;

    private final GptJ encoder;
    private final GptJ decoder;
    private final Map<String, Parameter> cross = new LinkedHashMap<>();
    private final List<Attention> crossAttention = new ArrayList<>();

    /**
     * Joins two models, which belong to the new one from now on, by cross-attention with the initial weights of a seed:
     * N(0, 0.02) for queries, keys and values.
     *
     * @throws GerbilException if the two differ in their vocabulary's rows or their width
     */
    public EncoderDecoder(GptJ encoder, GptJ decoder, long seed) {
        GptJConfig config = decoder.config();
        if (encoder.config().vocabulary() != config.vocabulary() || encoder.config().width() != config.width()) {
            throw new GerbilException("an encoder of " + rows(encoder.config()) + " and a decoder of " + rows(config),
                    "halves of one vocabulary and one width", "begin both with the same model");
        }
        this.encoder = encoder;
        this.decoder = decoder;
        manager().getEngine().setRandomSeed((int) Long.hashCode(seed));
        for (int layer = 0; layer < config.layers(); layer++) {
            crossAttention.add(new Attention(config, "h." + layer + ".cross_attn.", this::newMatrix));
        }
    }

    private static String rows(GptJConfig config) {
        return config.vocabulary() + " rows and width " + config.width();
    }

    private Parameter newMatrix(String name) {
        Initializer initial = name.contains("out_proj") ? new ConstantInitializer(0) : new NormalInitializer(0.02f);
        Parameter matrix = Parameter.builder().setName(name).setType(Parameter.Type.WEIGHT)
                .optShape(new Shape(decoder.config().width(), decoder.config().width())).optInitializer(initial)
                .optRequiresGrad(false).build();
        matrix.initialize(manager(), DataType.FLOAT32);
        cross.put(name, matrix);
        return matrix;
    }

    /** The half that reads. Its head is not used. */
    public GptJ encoder() {
        return encoder;
    }

    /** The half that writes. */
    public GptJ decoder() {
        return decoder;
    }

    /** Where the cross-attention lives. */
    public NDManager manager() {
        return decoder.manager();
    }

    /** The cross-attention's weights by name, {@code h.<layer>.cross_attn.<projection>.weight}, (width, width) each. */
    public Map<String, NDArray> crossWeights() {
        Map<String, NDArray> weights = new LinkedHashMap<>();
        cross.forEach((name, parameter) -> weights.put(name, parameter.getArray()));
        return weights;
    }

    /**
     * Replaces the cross-attention's weights by copies.
     *
     * @throws GerbilException if they are others than {@link #crossWeights}
     */
    public void loadCross(Map<String, NDArray> weights) {
        Map<String, NDArray> own = crossWeights();
        if (!own.keySet().equals(weights.keySet())
                || own.keySet().stream().anyMatch(n -> !own.get(n).getShape().equals(weights.get(n).getShape()))) {
            throw new GerbilException("cross-attention of " + weights.keySet(), own.keySet() + ", "
                    + decoder.config().width() + " wide", "take the file that was written with both halves");
        }
        GptJTensors.requireFinite(weights);
        own.forEach((name, array) -> array.stopGradient().set(new NDIndex("..."), weights.get(name)));
    }

    /** All that is learned, by name: both halves but for the encoder's head, and the cross-attention. */
    public Map<String, NDArray> weights() {
        Map<String, NDArray> weights = new LinkedHashMap<>();
        encoder.weights().forEach((name, array) -> {
            if (!HEAD.contains(name)) {
                weights.put("encoder." + name, array);
            }
        });
        decoder.weights().forEach((name, array) -> weights.put("decoder." + name, array));
        weights.putAll(crossWeights());
        return weights;
    }

    /** Records gradients of {@link #weights}, or of nothing. */
    public void freeze(boolean frozen) {
        encoder.freezeParameters(frozen, parameter -> !HEAD.contains(parameter.getName()));
        decoder.freezeParameters(frozen);
        cross.values().forEach(parameter -> parameter.freeze(frozen));
    }

    /**
     * What the encoder makes of texts.
     *
     * @param ids int64, (batch, length); those at {@code lengths} and behind are padding, which nothing sees
     * @param lengths of the texts, int64, (batch)
     * @throws GerbilException if the length exceeds the encoder's context length
     */
    public Memory read(NDArray ids, NDArray lengths) {
        long length = ids.getShape().get(1);
        encoder.config().requireContext(length);
        NDArray padding = ids.getManager().arange(0, length, 1, DataType.INT64).gte(lengths.reshape(-1, 1))
                .toType(DataType.FLOAT32, false).mul(UNSEEN).reshape(-1, 1, 1, length);
        var rotation = encoder.rotary().at(ids.getManager(), 0, length);
        NDArray x = encoder.embedded(ids);
        for (DecoderLayer layer : encoder.layers()) {
            x = layer.forward(x, rotation, padding);
        }
        return new Memory(encoder.normed(x), padding);
    }

    /**
     * @param states (batch, length, width)
     * @param padding added to the scores of what attends to them, (batch, 1, 1, length)
     */
    public record Memory(NDArray states, NDArray padding) {
    }

    /**
     * Logits of the next token of each answer at every position.
     *
     * @param ids the answers so far, int64, (batch, length)
     * @return (batch, length, vocabulary)
     * @throws GerbilException if the length exceeds the decoder's context length
     */
    public NDArray logits(Memory memory, NDArray ids) {
        long length = ids.getShape().get(1);
        decoder.config().requireContext(length);
        var rotation = decoder.rotary().at(ids.getManager(), 0, length);
        NDArray mask = GptJ.causalMask(ids.getManager(), length);
        NDArray x = decoder.embedded(ids);
        for (int i = 0; i < crossAttention.size(); i++) {
            DecoderLayer layer = decoder.layers().get(i);
            x = layer.forward(x, rotation, mask)
                    .add(crossAttention.get(i).across(layer.normed(x), memory.states(), memory.padding()));
        }
        return decoder.head(decoder.normed(x));
    }

    @Override
    public void close() {
        encoder.close();
        decoder.close();
    }
}
