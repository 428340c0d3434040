package gerbil.spec;

import gerbil.base.GerbilException;

import java.util.Arrays;
import java.util.Locale;

/** What a model is trained to predict; it also decides how many rows the embedding has. */
public enum Objective {
    /** Next-token prediction. */
    CAUSAL("Gerbil"),
    /** Fill-in-the-middle, causal and masked language modelling in equal parts. */
    BLENDER("GerbilBlender");

    private final String family;

    Objective(String family) {
        this.family = family;
    }

    /** The first part of a model's name: {@code Gerbil} or {@code GerbilBlender}. */
    public String family() {
        return family;
    }

    /** The name used in tables and on the command line. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * @throws GerbilException if there is no objective of that name (upper or lower case)
     */
    public static Objective of(String name) {
        return Arrays.stream(values())
                .filter(o -> o.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new GerbilException("objective '" + name + "'",
                        "one of " + Arrays.stream(values()).map(Objective::label).toList(),
                        "choose one of these objectives"));
    }
}
