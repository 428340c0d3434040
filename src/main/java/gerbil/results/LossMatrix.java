package gerbil.results;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Scale;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Sizes by classes, for losses that can be compared: of one objective, on one token set.
 *
 * @param scale as in {@link LossRow}
 * @param objective of all its runs
 * @param corpus what the losses are losses of, "source-jars in gpt2-1024"; empty if there is no run yet
 * @param rows of default settings, with any seed
 * @param begun runs that have not finished
 */
public record LossMatrix(String scale, Objective objective, String corpus, List<LossRow> rows,
                         List<UnfinishedRun> begun) {

    /** What stands in a cell without anything to say. */
    public static final String NOTHING = "–";

    /** The sizes of the scale, small to large, without those that nobody announced or trained. */
    public List<ModelSize> sizes() {
        return ModelSize.of(scale.equals(LossRow.PUBLISHED) ? Scale.PAPER : Scale.of(scale)).stream()
                .filter(size -> size.inTheTable() || rows.stream().anyMatch(r -> r.size().equals(size.name())))
                .toList();
    }

    /** The classes that begin with random weights, and of the star classes those that have been trained. */
    public List<BudgetClass> classes() {
        return Stream.of(BudgetClass.values()).filter(c -> c.before().isEmpty()
                || rows.stream().anyMatch(row -> row.budgetClass().equals(c.toString()))).toList();
    }

    /** The runs of a cell with a loss, if there are any. */
    public Optional<LossCell> cell(ModelSize size, BudgetClass budgetClass) {
        List<LossRow> runs = rows(size, budgetClass).filter(row -> row.loss() != null).toList();
        return runs.isEmpty() ? Optional.empty() : Optional.of(new LossCell(runs));
    }

    /** What to say in a cell without a loss. */
    public String missing(ModelSize size, BudgetClass budgetClass) {
        if (rows(size, budgetClass).findAny().isPresent()) {
            return "announced, not published";
        }
        return begun.stream().filter(run -> run.isFor(objective, size, budgetClass))
                .max(Comparator.comparingInt(UnfinishedRun::step)).map(UnfinishedRun::toString).orElse(NOTHING);
    }

    /**
     * Sizes down, classes across.
     *
     * @param loss which loss, such as {@link LossRow#loss}
     */
    public Table grid(Function<LossRow, Double> loss) {
        Table grid = Table.create(toString(),
                StringColumn.create("size", sizes().stream().map(ModelSize::name).toList()));
        for (BudgetClass budgetClass : classes()) {
            grid.addColumns(column(budgetClass.toString(), sizes(), budgetClass, loss));
        }
        return grid;
    }

    /** A class's column of a grid. */
    StringColumn column(String name, List<ModelSize> sizes, BudgetClass budgetClass,
                        Function<LossRow, Double> loss) {
        return StringColumn.create(name, sizes.stream().map(size -> cell(size, budgetClass)
                .map(cell -> cell.text(loss)).orElseGet(() -> missing(size, budgetClass))).toList());
    }

    private Stream<LossRow> rows(ModelSize size, BudgetClass budgetClass) {
        return rows.stream().filter(r -> r.size().equals(size.name())
                && r.budgetClass().equals(budgetClass.toString()));
    }

    /** "Gerbil, nano, on source-jars in gpt2-1024". */
    @Override
    public String toString() {
        return objective.family() + ", " + scale + (corpus.isEmpty() ? "" : ", on " + corpus);
    }
}
