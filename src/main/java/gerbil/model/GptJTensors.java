package gerbil.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import gerbil.base.GerbilException;
import gerbil.spec.GptJConfig;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The parameters of transformers' {@code GPTJForCausalLM} by name, with their shapes, in the order of the forward pass:
 * the one order in which {@link GptJ#weights} gives them and, with a tied head's weight in its place, the kernels take
 * them.
 */
public final class GptJTensors {

    /** Embedding of the tokens, (vocabulary, width). */
    public static final String EMBEDDING = "transformer.wte.weight";
    /** Prefix of the last LayerNorm's {@code weight} and {@code bias}. */
    public static final String FINAL_NORM = "transformer.ln_f.";
    /** The head's weight, (vocabulary, width), which a model with a tied head does not have. */
    public static final String HEAD_WEIGHT = "lm_head.weight";
    /** The head's bias. */
    public static final String HEAD_BIAS = "lm_head.bias";

    private GptJTensors() {
    }

    /**
     * @param weights by name
     * @throws GerbilException naming each with an element that is NaN or infinite
     */
    public static void requireFinite(Map<String, NDArray> weights) {
        requireFinite(weights, "go back to weights from before, or train new ones with a lower learning rate");
    }

    /** The same with other advice. */
    public static void requireFinite(Map<String, NDArray> weights, String remedy) {
        try (NDScope scope = new NDScope()) {
            scope.suppressNotUsedWarning();
            List<String> wrong = weights.entrySet().stream()
                    .filter(w -> !Float.isFinite(w.getValue().stopGradient().abs().max().getFloat()))
                    .map(Map.Entry::getKey).toList();
            if (!wrong.isEmpty()) {
                throw new GerbilException("weights that are not numbers in " + String.join(", ", wrong), "numbers",
                        remedy);
            }
        }
    }

    /** Prefix of a layer's tensors. */
    public static String layer(int number) {
        return "transformer.h." + number + ".";
    }

    /** All of an architecture's. */
    public static Map<String, Shape> of(GptJConfig config) {
        long d = config.width();
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put(EMBEDDING, new Shape(config.vocabulary(), d));
        for (int i = 0; i < config.layers(); i++) {
            norm(shapes, layer(i) + "ln_1.", d);
            for (String projection : new String[] {"k_proj", "v_proj", "q_proj", "out_proj"}) {
                shapes.put(layer(i) + "attn." + projection + ".weight", new Shape(d, d));
            }
            linear(shapes, layer(i) + "mlp.fc_in.", 4 * d, d);
            linear(shapes, layer(i) + "mlp.fc_out.", d, 4 * d);
        }
        norm(shapes, FINAL_NORM, d);
        if (!config.tied()) {
            shapes.put(HEAD_WEIGHT, new Shape(config.vocabulary(), d));
        }
        shapes.put(HEAD_BIAS, new Shape(config.vocabulary()));
        return shapes;
    }

    /**
     * The names of those that are trained.
     *
     * @param trainedLayers of the last layers, with the last LayerNorm; null for all
     */
    public static Set<String> trained(GptJConfig config, Integer trainedLayers) {
        Set<String> names = of(config).keySet();
        if (trainedLayers != null) {
            List<String> last = IntStream.range(config.layers() - trainedLayers, config.layers())
                    .mapToObj(GptJTensors::layer).toList();
            names.removeIf(name -> !name.startsWith(FINAL_NORM) && last.stream().noneMatch(name::startsWith));
        }
        return names;
    }

    private static void norm(Map<String, Shape> shapes, String prefix, long width) {
        shapes.put(prefix + "weight", new Shape(width));
        shapes.put(prefix + "bias", new Shape(width));
    }

    private static void linear(Map<String, Shape> shapes, String prefix, long out, long in) {
        shapes.put(prefix + "weight", new Shape(out, in));
        shapes.put(prefix + "bias", new Shape(out));
    }
}
