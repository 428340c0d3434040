package gerbil.spec;

import gerbil.base.GerbilException;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The budget classes of the Gerbil models: how many tokens a model is trained on, per parameter. A is the
 * compute-optimal ratio of Hoffmann et al. 2022 (about 20); each next class about doubles it. A star class continues a
 * finished model to the next larger budget: A* is a model of class A, trained on to as many tokens in all as B.
 */
public enum BudgetClass {
    A(20),
    B(42),
    C(76),
    D(142),
    A_STAR(A, B),
    B_STAR(B, C),
    C_STAR(C, D);

    /** The classes that begin with random weights. */
    public static final List<BudgetClass> WITHOUT_STAR = List.of(A, B, C, D);

    private final int tokensPerParameter;
    private final BudgetClass before;

    BudgetClass(int tokensPerParameter) {
        this.tokensPerParameter = tokensPerParameter;
        before = null;
    }

    BudgetClass(BudgetClass before, BudgetClass budget) {
        this.tokensPerParameter = budget.tokensPerParameter;
        this.before = before;
    }

    /** Training tokens for each parameter of the model; of a star class those before it are counted, too. */
    public int tokensPerParameter() {
        return tokensPerParameter;
    }

    /** The class of the finished model that a star class continues; empty for the others. */
    public Optional<BudgetClass> before() {
        return Optional.ofNullable(before);
    }

    /**
     * @throws GerbilException if there is no class of that name (upper or lower case)
     */
    public static BudgetClass of(String name) {
        return Arrays.stream(values())
                .filter(c -> c.toString().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new GerbilException("budget class '" + name + "'",
                        "one of " + Arrays.toString(values()), "choose one of these classes"));
    }

    /** The name used in tables and on the command line: {@code A}, {@code A*}. */
    @Override
    public String toString() {
        return before == null ? name() : before + "*";
    }
}
