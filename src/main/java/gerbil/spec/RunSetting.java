package gerbil.spec;

import gerbil.base.Choice;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Units;

import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;

/**
 * What can be changed in a run by name, {@code sequence-length} for {@link #SEQUENCE_LENGTH}: by the command line, by a
 * sweep and by {@link RunSpec#with}.
 */
public enum RunSetting implements Choice {
    TOKENS("tokens"),
    BATCH_TOKENS("batchTokens"),
    CONTEXT_LENGTH(inArchitecture("positions")),
    SEQUENCE_LENGTH("sequenceLength"),
    LAYERS(inArchitecture("layers")),
    HEADS(inArchitecture("heads")),
    ROTARY_DIM(inArchitecture("rotaryDim")),
    TIED_HEAD(architecture(RunSetting::tied)),
    WIDTH(inArchitecture("width")),
    /** Makes the width what brings the model nearest to that number. */
    PARAMETERS(architecture((config, value) -> config.withParameters(Units.parseCount(value)))),
    LEARNING_RATE("optimizer.learningRate"),
    WARMUP("optimizer.warmupFraction"),
    FINAL_RATE("optimizer.finalFraction"),
    WEIGHT_DECAY("optimizer.weightDecay"),
    DECAYED("optimizer.decayed"),
    BETA1("optimizer.beta1"),
    BETA2("optimizer.beta2"),
    EPSILON("optimizer.epsilon"),
    CLIP_NORM("optimizer.clipNorm"),
    MIXTURE(RunSetting::mixture),
    SHARES_OF(inMixture("sharesOf")),
    SHORTEST_SPAN(inMixture("shortestSpan")),
    LONGEST_SPAN(inMixture("longestSpan")),
    MASK_RATE(inMixture("maskRate")),
    LOSS_ON(inMixture("lossOn"));

    private final BiFunction<RunSpec, String, RunSpec> change;

    RunSetting(BiFunction<RunSpec, String, RunSpec> change) {
        this.change = change;
    }

    /** One value of the specification, by its path in {@link Json#leaves}. */
    RunSetting(String path) {
        this((spec, value) -> Json.with(spec, path, value));
    }

    /**
     * @throws GerbilException if there is no setting of that name (upper or lower case)
     */
    public static RunSetting of(String name) {
        return Choice.of(values(), "setting", name);
    }

    /** All names. */
    public static List<String> labels() {
        return Arrays.stream(values()).map(RunSetting::label).toList();
    }

    /** The run with another value; see {@link RunSpec#with}. */
    RunSpec set(RunSpec spec, String value) {
        return change.apply(spec, value);
    }

    private static BiFunction<RunSpec, String, RunSpec> inMixture(String path) {
        return (spec, value) -> spec.withBlender(Json.with(mixtureOf(spec), path, value));
    }

    private static BiFunction<RunSpec, String, RunSpec> inArchitecture(String path) {
        return architecture((config, value) -> Json.with(config, path, value));
    }

    private static BiFunction<RunSpec, String, RunSpec> architecture(BiFunction<GptJConfig, String, GptJConfig> change) {
        return (spec, value) -> {
            if (spec.base() != null) {
                throw new GerbilException("another architecture for a run that begins with " + spec.base().model(),
                        "the model's own", "leave it out, or begin with random weights");
            }
            return spec.withArchitecture(change.apply(spec.config(), value));
        };
    }

    private static GptJConfig tied(GptJConfig config, String value) {
        if (!List.of("true", "false").contains(value)) {
            throw new GerbilException("a tied head of '" + value + "'", "true or false", "choose one of these");
        }
        return config.withTiedHead(Boolean.parseBoolean(value));
    }

    private static RunSpec mixture(RunSpec spec, String value) {
        try {
            double[] shares = Arrays.stream(value.split("/")).mapToDouble(Double::parseDouble).toArray();
            if (shares.length == BlendedObjective.values().length) {
                return spec.withBlender(mixtureOf(spec).withShares(shares[0], shares[1], shares[2]));
            }
        } catch (NumberFormatException e) {
            // told below, like shares that are too few
        }
        throw new GerbilException("a mixture of '" + value + "'", "shares of fill-in-the-middle, causal and masked, "
                + "such as 0.5/0.25/0.25", "write them that way");
    }

    private static BlenderSettings mixtureOf(RunSpec spec) {
        if (spec.blender() == null) {
            throw new GerbilException("a setting of a mixture for a " + spec.objective().label() + " run",
                    "a Blender run", "choose the objective blender, or leave the setting out");
        }
        return spec.blender();
    }
}
