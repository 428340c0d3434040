package gerbil.cli;

import gerbil.kernels.Sampling;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What the commands that let a model write share: which model, and how its tokens are drawn. */
final class GenerationOptions {

    @Mixin
    ModelOption model;

    @Option(names = "--temperature", paramLabel = "T",
            description = "0 takes the likeliest token each time (default: 0.8; for masks 0).")
    private Double temperature;

    @Option(names = "--top-k", defaultValue = "0", description = "Keep this many tokens (default: all).")
    private int topK;

    @Option(names = "--top-p", defaultValue = "0.95",
            description = "Keep this much probability (default: ${DEFAULT-VALUE}).")
    private double topP;

    @Option(names = "--seed", defaultValue = "0", description = "Seed of the draws (default: ${DEFAULT-VALUE}).")
    long seed;

    /** How to draw; with a temperature for who gives none. */
    Sampling sampling(double defaultTemperature) {
        return new Sampling(temperature == null ? defaultTemperature : temperature, topK, topP);
    }
}
