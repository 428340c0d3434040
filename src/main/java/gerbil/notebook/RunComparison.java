package gerbil.notebook;

import gerbil.base.GerbilException;
import gerbil.base.Units;
import gerbil.results.Comparison;
import gerbil.runs.RunDirectory;
import gerbil.spec.RunResult;
import gerbil.spec.StepMetrics;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.plotly.components.Axis;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.components.Line;
import tech.tablesaw.plotly.traces.ScatterTrace;
import tech.tablesaw.plotly.traces.Trace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/** Finished runs side by side, with their curves. */
public final class RunComparison {

    /** A run's loss at the end of each step, by what runs are aligned by. */
    private record Curve(double[] x, List<StepMetrics> steps, double unit) {

        /** Mean of the steps that end within; empty if there are none. */
        OptionalDouble mean(double above, double upTo) {
            return IntStream.range(0, x.length).filter(i -> x[i] > above && x[i] <= upTo)
                    .mapToDouble(i -> unit * steps.get(i).loss()).filter(Double::isFinite).average();
        }

        double end() {
            return x[x.length - 1];
        }
    }

    private final Comparison comparison;
    private final Alignment by;
    /** Of each group its runs'. */
    private final List<List<Curve>> curves;
    private final boolean oneMachine;

    private RunComparison(List<RunDirectory> runs, Alignment by) {
        this.by = by;
        List<RunResult> results = runs.stream().map(run -> run.result().orElseThrow(() ->
                new GerbilException("no result in " + run.folder(), "runs that have come to their end",
                        "train it to its end, or leave it out"))).toList();
        comparison = Comparison.of(results);
        curves = comparison.groups().stream().map(group -> group.results().stream().map(result ->
                curve(result, runs.get(results.indexOf(result)).metrics())).toList()).toList();
        oneMachine = results.stream().map(RunResult::environment)
                .map(environment -> environment.device() + environment.threads()).distinct().count() == 1;
    }

    /** Bytes of a token are those of the held-out text. */
    private Curve curve(RunResult result, List<StepMetrics> steps) {
        return new Curve(by.of(result.spec(), steps), steps,
                comparison.inNats() ? 1 : result.bitsPerByte() / result.heldoutLoss());
    }

    /**
     * @param runs that have finished, as {@link gerbil.runs.RunList#finished(String)} finds them
     * @throws GerbilException if there are fewer than two, or one has not finished
     */
    public static RunComparison of(List<RunDirectory> runs, Alignment by) {
        return new RunComparison(runs, by);
    }

    /** Shows what there is to know of the losses, the losses, what differs, what seeds make, and the curves. */
    public void show() {
        notes().forEach(Notebook::showMarkdown);
        tables().forEach(Notebook::show);
        Notebook.show(figure());
    }

    /** Sentences on what the losses and times are. */
    public List<String> notes() {
        List<String> notes = new ArrayList<>(comparison.notes());
        if (by == Alignment.TIME && !oneMachine) {
            notes.add("The runs were made on different machines, or with different numbers of threads: so are their "
                    + "times.");
        }
        if (by == Alignment.TIME && comparison.groups().stream().anyMatch(group ->
                group.results().get(0).spec().before().isPresent())) {
            notes.add("The times of runs that continue others are without those of the others: align by tokens or "
                    + "compute to see these in their place.");
        }
        notes.add(comparison.seeds());
        return notes;
    }

    /** Losses, what differs in the specifications, and what of the difference in losses seeds can make. */
    public List<Table> tables() {
        return comparison.groups().size() == 1 ? List.of(comparison.losses())
                : List.of(comparison.losses(), comparison.differences(), comparison.significance());
    }

    /** The training loss, a line a run in the colour of its group. */
    public Figure figure() {
        List<Trace> traces = new ArrayList<>();
        for (int group = 0; group < curves.size(); group++) {
            for (int run = 0; run < curves.get(group).size(); run++) {
                Curve curve = curves.get(group).get(run);
                LossCurve loss = LossCurve.of(curve.steps, curve.x);
                traces.add(Charts.line(comparison.groups().get(group).name() + ", seed "
                        + comparison.groups().get(group).results().get(run).spec().seed(), loss.x(),
                        Arrays.stream(loss.loss()).map(l -> l * curve.unit).toArray(), group, Line.Dash.SOLID,
                        ScatterTrace.Mode.LINE));
            }
        }
        return Charts.figure("Training loss", Charts.axis(by.title(), Axis.Type.LINEAR),
                Charts.axis("loss (" + comparison.unit() + ")", Axis.Type.LINEAR), traces);
    }

    /**
     * The training loss in stretches of one width, means of the steps that end there and of the seeds; empty where a
     * group has no step.
     */
    public Table curves(int rows) {
        double end = curves.stream().flatMap(List::stream).mapToDouble(Curve::end).max().orElseThrow();
        Table table = Table.create("Training loss (" + comparison.unit() + ")",
                StringColumn.create(by.title() + " up to", IntStream.rangeClosed(1, rows)
                        .mapToObj(row -> Units.count(end * row / rows))));
        for (int group = 0; group < curves.size(); group++) {
            List<Curve> runs = curves.get(group);
            table.addColumns(StringColumn.create(comparison.groups().get(group).name(), IntStream.range(0, rows)
                    .mapToObj(row -> runs.stream().flatMapToDouble(run ->
                            run.mean(end * row / rows, end * (row + 1) / rows).stream()).average())
                    .map(loss -> loss.isEmpty() ? "" : String.format(Locale.ROOT, "%.4f", loss.getAsDouble()))));
        }
        return table;
    }
}
