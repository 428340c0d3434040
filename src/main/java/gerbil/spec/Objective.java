package gerbil.spec;

import gerbil.base.Choice;
import gerbil.base.GerbilException;

/** What a model is trained to predict; it also decides how many rows the embedding has. */
public enum Objective implements Choice {
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

    /**
     * @throws GerbilException if there is no objective of that name (upper or lower case)
     */
    public static Objective of(String name) {
        return Choice.of(values(), "objective", name);
    }
}
