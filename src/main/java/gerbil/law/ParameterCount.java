package gerbil.law;

import gerbil.spec.GptJConfig;

/**
 * What counts as a parameter. Of models this small nearly all are embedding and head, and which count a law is fitted
 * to changes it (Pearce and Song 2024; Porian et al. 2024).
 */
public enum ParameterCount {
    /** All of them. */
    ALL("all parameters"),
    /** Without the embedding and the head. */
    BODY("without embedding and head");

    private final String label;

    ParameterCount(String label) {
        this.label = label;
    }

    /** The number of an architecture. */
    public long of(GptJConfig config) {
        return this == ALL ? config.parameters() : config.bodyParameters();
    }

    /** As tables call it. */
    @Override
    public String toString() {
        return label;
    }
}
