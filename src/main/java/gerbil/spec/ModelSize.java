package gerbil.spec;

import gerbil.base.GerbilException;

import java.util.List;
import java.util.Optional;

/**
 * One size of the family and how it is trained.
 *
 * <p>The six paper sizes have the published architectures (config.json files of the published checkpoints; 15m's number
 * of heads is derived). Their budgets count parameters the way the authors did: 3.3m as 3.0m and 15m as 14m. Batches
 * are the published ones; 77m and 104m, which have no published run, take the largest. The nano sizes are the same
 * architecture in miniature, each with about the published ratio of one size to the next.
 *
 * @param name as in model names: "3.3m"
 * @param scale decides the vocabulary
 * @param width {@code n_embd}
 * @param layers {@code n_layer}
 * @param heads {@code n_head}
 * @param rotaryDim {@code rotary_dim}
 * @param contextLength {@code n_positions}
 * @param countedParameters parameters that budgets are counted by; 0 for the exact number
 * @param batchTokens tokens of one optimizer step
 * @param sequenceLength tokens of one training sequence (not published; ours)
 * @param learningRate peak of the schedule (not published): of the sizes up to 6.7m, which were swept, the best at
 *     class A (results/learning-rates.csv); of the others what their width makes of it, 3.2e-2 x 64 / width, since with
 *     Adam the best rate of matrices falls as one over the width (Yang et al. 2022). Those were not trained.
 */
public record ModelSize(String name, Scale scale, int width, int layers, int heads, int rotaryDim, int contextLength,
                        long countedParameters, int batchTokens, int sequenceLength, double learningRate) {

    /** All sizes, small to large within each scale. */
    public static final List<ModelSize> ALL = List.of(
            new ModelSize("40k", Scale.NANO, 16, 2, 2, 8, 128, 0, 2_048, 128, 3.2e-2),
            new ModelSize("92k", Scale.NANO, 32, 2, 2, 16, 128, 0, 4_096, 128, 3.2e-2),
            new ModelSize("183k", Scale.NANO, 48, 3, 3, 16, 128, 0, 8_192, 128, 3.2e-2),
            new ModelSize("3.3m", Scale.PAPER, 32, 4, 4, 8, 2048, 3_000_000, 65_536, 512, 3.2e-2),
            new ModelSize("6.7m", Scale.PAPER, 64, 4, 4, 16, 2048, 6_700_000, 131_072, 512, 3.2e-2),
            new ModelSize("15m", Scale.PAPER, 128, 8, 8, 16, 2048, 14_000_000, 131_072, 512, 1.6e-2),
            new ModelSize("32m", Scale.PAPER, 256, 8, 8, 16, 2048, 32_000_000, 262_144, 512, 8e-3),
            new ModelSize("77m", Scale.PAPER, 512, 8, 8, 64, 2048, 77_000_000, 262_144, 512, 4e-3),
            new ModelSize("104m", Scale.PAPER, 640, 8, 8, 64, 2048, 104_000_000, 262_144, 512, 3.2e-3));

    /**
     * @throws GerbilException if there is no size of that name
     */
    public static ModelSize of(String name) {
        return ALL.stream()
                .filter(s -> s.name.equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new GerbilException("model size '" + name + "'",
                        "one of " + ALL.stream().map(ModelSize::name).toList(), "choose one of these sizes"));
    }

    /** The size of an architecture, whatever its vocabulary and context length, if it is one of the family. */
    public static Optional<ModelSize> of(GptJConfig config) {
        return ALL.stream().filter(s -> s.width == config.width() && s.layers == config.layers()
                && s.heads == config.heads() && s.rotaryDim == config.rotaryDim()).findFirst();
    }

    /** The sizes of one scale, small to large. */
    public static List<ModelSize> of(Scale scale) {
        return ALL.stream().filter(s -> s.scale == scale).toList();
    }

    /** Whether it is a nano size or one of a published run, which 77m and 104m are not. */
    public boolean inTheTable() {
        return scale == Scale.NANO || PublishedResult.all().stream().anyMatch(run -> run.size().equals(name));
    }

    /** The architecture with the vocabulary rows of an objective. */
    public GptJConfig config(Objective objective) {
        return new GptJConfig(scale.embeddingRows(objective), width, layers, heads, rotaryDim, contextLength);
    }

    /**
     * Training tokens of a class: the ratio times the counted parameters, at paper scale in whole millions rounded
     * down, as published (6.7m B: 42 x 6.7m = 281m). Of a star class those that it begins after are counted, too.
     */
    public long budget(BudgetClass budgetClass) {
        if (countedParameters == 0) {
            return budgetClass.tokensPerParameter() * config(Objective.CAUSAL).parameters();
        }
        long tokens = budgetClass.tokensPerParameter() * countedParameters;
        return tokens - tokens % 1_000_000;
    }

    /** A model's name: {@code Gerbil-A-3.3m}, {@code GerbilBlender-A-3.3m}, {@code Gerbil-Astar-3.3m}. */
    public String modelName(Objective objective, BudgetClass budgetClass) {
        return objective.family() + "-" + budgetClass.toString().replace("*", "star") + "-" + name;
    }
}
