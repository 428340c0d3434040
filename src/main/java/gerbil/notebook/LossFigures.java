package gerbil.notebook;

import gerbil.results.LossCell;
import gerbil.results.LossMatrix;
import gerbil.results.LossRow;
import gerbil.results.LossTable;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Scale;
import tech.tablesaw.plotly.components.Axis;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.components.Line;
import tech.tablesaw.plotly.traces.ScatterTrace;
import tech.tablesaw.plotly.traces.Trace;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * The loss table's figures: a line a size and a point a class, published ones solid and ours dashed. Of several seeds a
 * point is the mean, and its bar one standard deviation to either side.
 */
public final class LossFigures {

    private static final List<String> SCALES =
            List.of(LossRow.PUBLISHED, Scale.PAPER.label(), Scale.NANO.label());

    private LossFigures() {
    }

    /** Loss by training tokens on a logarithmic axis. */
    public static Figure byTokens(LossTable table, Objective objective) {
        return lines(objective.family() + ": loss by tokens", "tokens", table, objective, LossRow::tokens);
    }

    /** Loss by the operations that the training took, on a logarithmic axis. */
    public static Figure byCompute(LossTable table, Objective objective) {
        return lines(objective.family() + ": loss by compute", "operations in matrix products", table, objective,
                LossRow::flops);
    }

    /**
     * Shows our training losses on the Pile by the published ones, on whose line they would lie if they were equal;
     * without such runs it says so.
     */
    public static void showBesidePublished(LossTable table) {
        List<LossCell> published = new ArrayList<>();
        List<LossCell> ours = new ArrayList<>();
        for (Objective objective : Objective.values()) {
            LossMatrix theirs = table.matrices(LossRow.PUBLISHED, objective).get(0);
            for (LossMatrix matrix : table.matrices(Scale.PAPER.label(), objective)) {
                for (ModelSize size : theirs.sizes()) {
                    for (BudgetClass budgetClass : BudgetClass.WITHOUT_STAR) {
                        matrix.cell(size, budgetClass).filter(cell -> cell.runs().get(0).onThePile())
                                .ifPresent(cell -> theirs.cell(size, budgetClass).ifPresent(known -> {
                                    published.add(known);
                                    ours.add(cell);
                                }));
                    }
                }
            }
        }
        if (ours.isEmpty()) {
            String text = "No run on the Pile is in the table yet, so no loss of ours can be held against a published "
                    + "one.";
            Notebook.show(MimeBundle.html("<p>" + text + "</p>", text));
        } else {
            Notebook.show(beside(published, ours));
        }
    }

    static Figure beside(List<LossCell> published, List<LossCell> ours) {
        double[] x = means(published, LossRow::trainingLoss);
        double[] y = means(ours, LossRow::trainingLoss);
        return Charts.figure("On the Pile: our training loss by the published", Charts.axis("published " + Charts.LOSS,
                Axis.Type.LINEAR), Charts.axis("our " + Charts.LOSS, Axis.Type.LINEAR), List.of(
                ScatterTrace.builder(x, y).name("ours").mode(ScatterTrace.Mode.MARKERS).build(),
                Charts.line("equal", x, x, 1, Line.Dash.DASH, ScatterTrace.Mode.LINE)));
    }

    private static double[] means(List<LossCell> cells, Function<LossRow, Double> loss) {
        return cells.stream().mapToDouble(cell -> cell.mean(loss).orElseThrow()).toArray();
    }

    private static Figure lines(String title, String xTitle, LossTable table, Objective objective,
                                ToDoubleFunction<LossRow> x) {
        List<Trace> traces = new ArrayList<>();
        for (String scale : SCALES) {
            List<LossMatrix> matrices = table.matrices(scale, objective);
            for (LossMatrix matrix : matrices) {
                String source = scale.equals(LossRow.PUBLISHED) ? "published, training"
                        : "ours, held out" + (matrices.size() > 1 ? ", " + matrix.corpus() : "");
                for (ModelSize size : matrix.sizes()) {
                    List<LossCell> cells = BudgetClass.WITHOUT_STAR.stream()
                            .flatMap(c -> matrix.cell(size, c).stream()).toList();
                    if (!cells.isEmpty()) {
                        Trace line = Charts.line(size.name() + ", " + source,
                                cells.stream().mapToDouble(cell -> x.applyAsDouble(cell.runs().get(0))).toArray(),
                                means(cells, LossRow::loss), ModelSize.ALL.indexOf(size),
                                scale.equals(LossRow.PUBLISHED) ? Line.Dash.SOLID : Line.Dash.DASH,
                                ScatterTrace.Mode.LINE_AND_MARKERS);
                        traces.add(new ErrorBars(line, cells.stream()
                                .mapToDouble(cell -> cell.deviation(LossRow::loss).orElse(0)).toArray()));
                    }
                }
            }
        }
        return Charts.figure(title, Charts.axis(xTitle, Axis.Type.LOG), Charts.axis(Charts.LOSS, Axis.Type.LINEAR),
                traces);
    }
}
