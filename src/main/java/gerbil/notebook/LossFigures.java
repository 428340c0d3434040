package gerbil.notebook;

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
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/** The loss table's figures: a line a size and a point a class, published ones solid and ours dashed. */
public final class LossFigures {

    private static final List<String> SCALES =
            List.of(LossRow.PUBLISHED, Scale.PAPER.label(), Scale.NANO.label());

    private LossFigures() {
    }

    /** Training loss by training tokens on a logarithmic axis. */
    public static Figure byTokens(LossTable table, Objective objective) {
        return lines(objective.family() + ": training loss by tokens", "tokens", table, objective, LossRow::tokens);
    }

    /** Training loss by the operations that the training took, on a logarithmic axis. */
    public static Figure byCompute(LossTable table, Objective objective) {
        return lines(objective.family() + ": training loss by compute", "operations in matrix products", table,
                objective, LossRow::flops);
    }

    /**
     * Shows our losses on the Pile by the published ones, on whose line they would lie if they were equal; without such
     * runs it says so.
     */
    public static void showBesidePublished(LossTable table) {
        List<LossRow> published = new ArrayList<>();
        List<LossRow> ours = new ArrayList<>();
        for (Objective objective : Objective.values()) {
            for (ModelSize size : ModelSize.of(Scale.PAPER)) {
                for (BudgetClass budgetClass : BudgetClass.values()) {
                    Optional<LossRow> theirs = table.cell(LossRow.PUBLISHED, objective, size, budgetClass)
                            .filter(row -> row.trainingLoss() != null);
                    table.cell(Scale.PAPER.label(), objective, size, budgetClass).filter(LossRow::onThePile)
                            .filter(row -> theirs.isPresent()).ifPresent(row -> {
                                published.add(theirs.get());
                                ours.add(row);
                            });
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

    static Figure beside(List<LossRow> published, List<LossRow> ours) {
        double[] x = losses(published);
        double[] y = losses(ours);
        return Charts.figure("On the Pile: ours by the published", Charts.axis("published " + Charts.LOSS,
                Axis.Type.LINEAR), Charts.axis("our " + Charts.LOSS, Axis.Type.LINEAR), List.of(
                ScatterTrace.builder(x, y).name("ours").mode(ScatterTrace.Mode.MARKERS).build(),
                Charts.line("equal", x, x, 1, Line.Dash.DASH, ScatterTrace.Mode.LINE)));
    }

    private static double[] losses(Collection<LossRow> rows) {
        return rows.stream().mapToDouble(LossRow::trainingLoss).toArray();
    }

    private static Figure lines(String title, String xTitle, LossTable table, Objective objective,
                                ToDoubleFunction<LossRow> x) {
        List<Trace> traces = new ArrayList<>();
        for (String scale : SCALES) {
            String source = scale.equals(LossRow.PUBLISHED) ? scale : "ours, " + scale;
            for (ModelSize size : ModelSize.of(scale.equals(Scale.NANO.label()) ? Scale.NANO : Scale.PAPER)) {
                List<LossRow> cells = Stream.of(BudgetClass.values())
                        .flatMap(c -> table.cell(scale, objective, size, c).stream())
                        .filter(row -> row.trainingLoss() != null).toList();
                if (!cells.isEmpty()) {
                    traces.add(Charts.line(size.name() + ", " + source, cells.stream().mapToDouble(x).toArray(),
                            losses(cells), ModelSize.ALL.indexOf(size),
                            scale.equals(LossRow.PUBLISHED) ? Line.Dash.SOLID : Line.Dash.DASH,
                            ScatterTrace.Mode.LINE_AND_MARKERS));
                }
            }
        }
        return Charts.figure(title, Charts.axis(xTitle, Axis.Type.LOG), Charts.axis(Charts.LOSS, Axis.Type.LINEAR),
                traces);
    }
}
