package gerbil.hub;

import ai.djl.ndarray.types.Shape;
import gerbil.spec.GptJConfig;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/** The tensors of transformers' {@code GPTJForCausalLM}, known before a model is made. */
final class GptJTensors {

    /** Causal masks and rotary tables that older versions of transformers saved beside the weights. */
    private static final Pattern BUFFER =
            Pattern.compile("transformer\\.h\\.\\d+\\.attn\\.(bias|masked_bias|embed_positions)");

    private GptJTensors() {
    }

    static boolean isBuffer(String name) {
        return BUFFER.matcher(name).matches();
    }

    /** Names and shapes of an architecture's parameters. */
    static Map<String, Shape> of(GptJConfig config) {
        long d = config.width();
        Map<String, Shape> shapes = new LinkedHashMap<>();
        shapes.put("transformer.wte.weight", new Shape(config.vocabulary(), d));
        for (int i = 0; i < config.layers(); i++) {
            String layer = "transformer.h." + i + ".";
            norm(shapes, layer + "ln_1", d);
            for (String projection : new String[] {"k_proj", "v_proj", "q_proj", "out_proj"}) {
                shapes.put(layer + "attn." + projection + ".weight", new Shape(d, d));
            }
            linear(shapes, layer + "mlp.fc_in", 4 * d, d);
            linear(shapes, layer + "mlp.fc_out", d, 4 * d);
        }
        norm(shapes, "transformer.ln_f", d);
        linear(shapes, "lm_head", config.vocabulary(), d);
        return shapes;
    }

    private static void norm(Map<String, Shape> shapes, String name, long width) {
        shapes.put(name + ".weight", new Shape(width));
        shapes.put(name + ".bias", new Shape(width));
    }

    private static void linear(Map<String, Shape> shapes, String name, long out, long in) {
        shapes.put(name + ".weight", new Shape(out, in));
        shapes.put(name + ".bias", new Shape(out));
    }
}
