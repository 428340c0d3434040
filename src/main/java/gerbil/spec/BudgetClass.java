package gerbil.spec;

import gerbil.base.GerbilException;

import java.util.Arrays;

/**
 * The budget classes of the Gerbil models: how many tokens a model is trained on, per parameter. A is the
 * compute-optimal ratio of Hoffmann et al. 2022 (about 20); each next class about doubles it.
 */
public enum BudgetClass {
    A(20),
    B(42),
    C(76),
    D(142);

    private final int tokensPerParameter;

    BudgetClass(int tokensPerParameter) {
        this.tokensPerParameter = tokensPerParameter;
    }

    /** Training tokens for each parameter of the model. */
    public int tokensPerParameter() {
        return tokensPerParameter;
    }

    /**
     * @throws GerbilException if there is no class of that name (upper or lower case)
     */
    public static BudgetClass of(String name) {
        return Arrays.stream(values())
                .filter(c -> c.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new GerbilException("budget class '" + name + "'",
                        "one of " + Arrays.toString(values()), "choose one of these classes"));
    }
}
