package gerbil.notebook;

import gerbil.runs.RunDirectory;
import gerbil.spec.BlendedObjective;
import gerbil.spec.StepMetrics;
import org.apache.commons.math3.stat.descriptive.SummaryStatistics;
import tech.tablesaw.aggregate.AggregateFunctions;
import tech.tablesaw.api.NumericColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.plotly.components.Axis;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.components.Layout;
import tech.tablesaw.plotly.components.Line;
import tech.tablesaw.plotly.components.Margin;
import tech.tablesaw.plotly.components.Marker;
import tech.tablesaw.plotly.traces.BarTrace;
import tech.tablesaw.plotly.traces.ScatterTrace;
import tech.tablesaw.plotly.traces.Trace;
import tech.tablesaw.table.TableSlice;
import tech.tablesaw.table.TableSliceGroup;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.DoubleToLongFunction;
import java.util.function.LongFunction;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** The notebooks' charts in one style, as tablesaw figures: a figure that ends a cell appears. */
public final class Charts {

    static final String LOSS = "loss (nats a token)";
    private static final int HEIGHT = 420;
    /** Of a histogram whose bins have one width. */
    private static final int FEWEST_BINS = 5;
    private static final double NARROWEST = 1e-3;
    private static final double FAINT = 0.35;
    private static final String CHANCE = "#7f7f7f";

    private Charts() {
    }

    /** One run's loss by the tokens that it was trained on. */
    public static Figure lossCurve(String title, List<StepMetrics> steps) {
        return lossCurves(title, Map.of(title, steps));
    }

    /**
     * The loss of several runs by tokens.
     *
     * @param runs each run's steps under its name; a map that keeps its order keeps the legend's
     */
    public static Figure lossCurves(String title, Map<String, List<StepMetrics>> runs) {
        List<Trace> traces = new ArrayList<>();
        runs.forEach((name, steps) -> addLoss(traces, name, List.of(LossCurve.of(steps))));
        return losses(title, traces);
    }

    /** The loss of models by tokens: where runs differ in nothing but the seed, their mean and spread. */
    public static Figure lossCurves(String title, Collection<RunDirectory> runs) {
        List<Trace> traces = new ArrayList<>();
        Seeds.of(runs).forEach(seeds -> addLoss(traces, seeds.name(), seeds.curves()));
        return losses(title, traces);
    }

    private static Figure losses(String title, List<Trace> traces) {
        return figure(title, axis("tokens", Axis.Type.LINEAR), axis(LOSS, Axis.Type.LINEAR), traces);
    }

    /** A line, smoothed, over what it was smoothed from, or over a band one standard deviation to either side. */
    private static void addLoss(List<Trace> traces, String name, List<LossCurve> seeds) {
        int color = traces.size() / 2;
        LossCurve behind = LossCurve.behind(seeds);
        ScatterTrace.ScatterBuilder faint = ScatterTrace.builder(behind.x(), behind.loss())
                .mode(ScatterTrace.Mode.LINE).showLegend(false).legendGroup(name).opacity(FAINT)
                .line(Line.builder().color(Palette.color(color)).width(seeds.size() == 1 ? 1 : 0).build());
        traces.add((seeds.size() == 1 ? faint : faint.fill(ScatterTrace.Fill.TO_SELF)).build());
        LossCurve line = LossCurve.meanOf(seeds).smoothed();
        traces.add(ScatterTrace.builder(line.x(), line.loss()).name(name).legendGroup(name)
                .mode(ScatterTrace.Mode.LINE).line(Line.builder().color(Palette.color(color)).build()).build());
    }

    /**
     * The mean loss of runs that differ in their seed, with one standard deviation to either side.
     *
     * @param table with the columns {@code start}, {@code seed}, {@code tokens} and {@code loss}; every seed of a start
     *     has as many points, whose tokens are about the same
     */
    public static Figure lossCurvesOfSeeds(String title, Table table) {
        return lossesOfSeeds(title, table, "tokens", Axis.Type.LINEAR);
    }

    /**
     * The same by the peak learning rate, on a logarithmic axis.
     *
     * @param table as there, with the column {@code learningRate} in place of {@code tokens}
     */
    public static Figure lossByRateOfSeeds(String title, Table table) {
        return lossesOfSeeds(title, table, "learningRate", Axis.Type.LOG);
    }

    private static Figure lossesOfSeeds(String title, Table table, String xColumn, Axis.Type xType) {
        List<Trace> traces = new ArrayList<>();
        for (TableSlice start : table.splitOn("start")) {
            List<TableSlice> seeds = start.asTable().splitOn("seed").getSlices();
            List<double[]> xs = seeds.stream().map(seed -> seed.numberColumn(xColumn).asDoubleArray()).toList();
            List<double[]> losses = seeds.stream().map(seed -> seed.numberColumn("loss").asDoubleArray()).toList();
            List<SummaryStatistics> x = points(xs);
            List<SummaryStatistics> y = points(losses);
            traces.add(new ErrorBars(line(start.name(), x.stream().mapToDouble(SummaryStatistics::getMean).toArray(),
                    y.stream().mapToDouble(SummaryStatistics::getMean).toArray(), traces.size(), Line.Dash.SOLID,
                    ScatterTrace.Mode.LINE_AND_MARKERS),
                    y.stream().mapToDouble(SummaryStatistics::getStandardDeviation).toArray()));
        }
        return figure(title, axis(ColumnName.words(xColumn), xType), axis(LOSS, Axis.Type.LINEAR), traces);
    }

    /** What several runs have at each of their points. */
    private static List<SummaryStatistics> points(List<double[]> runs) {
        return IntStream.range(0, runs.get(0).length).mapToObj(point -> {
            SummaryStatistics statistics = new SummaryStatistics();
            runs.forEach(run -> statistics.addValue(run[point]));
            return statistics;
        }).toList();
    }

    /** A Blender run's loss by tokens, a line for each objective and one for all together. */
    public static Figure lossByObjective(String title, List<StepMetrics> steps) {
        Map<String, List<StepMetrics>> lines = new LinkedHashMap<>();
        for (BlendedObjective objective : BlendedObjective.values()) {
            List<StepMetrics> own = steps.stream().filter(s -> s.lossByObjective().containsKey(objective.label()))
                    .map(s -> new StepMetrics(s.step(), s.tokens(), s.lossByObjective().get(objective.label()),
                            s.learningRate(), s.gradientNorm(), s.tokensPerSecond())).toList();
            if (!own.isEmpty()) {
                lines.put(objective.label(), own);
            }
        }
        lines.put("all", steps);
        return lossCurves(title, lines);
    }

    /** A bar for each row; the axes are labelled with the columns' names. */
    public static Figure bars(String title, Table table, String category, String number) {
        return bars(title, category, number, table.column(category).asStringColumn().asObjectArray(),
                table.numberColumn(number).asDoubleArray());
    }

    /**
     * Accuracy in tasks, a bar for each model with two standard errors to either side, and a dashed line where guessing
     * would be.
     *
     * @param table with the columns {@code task}, {@code model}, {@code accuracy}, {@code standardError} and {@code
     *     chance}, a row for each bar
     */
    public static Figure accuracies(String title, Table table) {
        List<Trace> traces = new ArrayList<>();
        TableSliceGroup models = table.splitOn("model");
        for (TableSlice model : models) {
            BarTrace bars = BarTrace.builder(model.stringColumn("task"), model.numberColumn("accuracy"))
                    .name(model.name()).marker(Marker.builder().color(Palette.color(traces.size())).build()).build();
            traces.add(new ErrorBars(bars, Arrays.stream(model.numberColumn("standardError").asDoubleArray())
                    .map(error -> 2 * error).toArray()));
        }
        TableSlice tasks = models.get(0);
        traces.add(ScatterTrace.builder(tasks.column("task"), tasks.column("chance")).name("chance")
                .mode(ScatterTrace.Mode.LINE)
                .line(Line.builder().color(CHANCE).dash(Line.Dash.DASH).shape(Line.Shape.HVH).build()).build());
        return figure(title, axis("task", Axis.Type.CATEGORY),
                axis("accuracy (share of items), ± 2 standard errors", Axis.Type.LINEAR), traces);
    }

    /**
     * What runs came to by a setting: a line for each value of a category. A point is the mean of the rows that have one
     * value of x, with a bar of one standard deviation to either side where they are several. The x axis is logarithmic.
     *
     * @param runs a row for each run
     */
    public static Figure means(String title, Table runs, String category, String x, String y) {
        List<Trace> traces = new ArrayList<>();
        for (TableSlice rows : runs.splitOn(category)) {
            Table points = rows.asTable().summarize(y, AggregateFunctions.mean, AggregateFunctions.stdDev).by(x)
                    .sortOn(0);
            Trace line = line(rows.name(), points.numberColumn(0).asDoubleArray(),
                    points.numberColumn(1).asDoubleArray(), traces.size(), Line.Dash.SOLID,
                    ScatterTrace.Mode.LINE_AND_MARKERS);
            traces.add(new ErrorBars(line, Arrays.stream(points.numberColumn(2).asDoubleArray())
                    .map(deviation -> Double.isNaN(deviation) ? 0 : deviation).toArray()));
        }
        return figure(title, axis(ColumnName.words(x), Axis.Type.LOG), axis(ColumnName.words(y), Axis.Type.LINEAR),
                traces);
    }

    /**
     * How many of the values lie where. Whole numbers are counted at 0, at 1, from 2 to 3, 4 to 7, 8 to 15 and so on,
     * as suits lengths; of others all bins have one width, and what lies between two is counted in the upper one.
     *
     * @param values whole numbers none below zero; the axis is labelled with the column's name
     * @param counted what is counted: "documents"
     */
    public static Figure histogram(String title, NumericColumn<?> values, String counted) {
        double[] all = values.asDoubleArray();
        if (Arrays.stream(all).allMatch(value -> value == Math.rint(value))) {
            return bins(title, values, counted, value -> value < 1 ? -1 : Math.getExponent(value), Charts::doubling);
        }
        double span = Math.max(NARROWEST,
                Arrays.stream(all).max().orElseThrow() - Arrays.stream(all).min().orElseThrow());
        int digits = (int) Math.ceil(-Math.log10(span / FEWEST_BINS));
        double perUnit = Math.pow(10, digits);
        int width = span * perUnit / FEWEST_BINS >= 5 ? 5 : span * perUnit / FEWEST_BINS >= 2 ? 2 : 1;
        String format = "%." + Math.max(0, digits) + "f–%." + Math.max(0, digits) + "f";
        // as decimal fractions: 0.9 of a value is in the bin from 0.9 on, whatever is left of it in binary
        return bins(title, values, counted, value -> Math.floorDiv((long) Math.floor(value * perUnit + 1e-9), width),
                bin -> String.format(Locale.ROOT, format, bin * width / perUnit, (bin + 1) * width / perUnit));
    }

    private static Figure bins(String title, NumericColumn<?> values, String counted, DoubleToLongFunction bin,
                               LongFunction<String> name) {
        SortedMap<Long, Integer> bins = new TreeMap<>();
        for (double value : values.asDoubleArray()) {
            bins.merge(bin.applyAsLong(value), 1, Integer::sum);
        }
        long[] drawn = bins.isEmpty() ? new long[0] : LongStream.rangeClosed(bins.firstKey(), bins.lastKey()).toArray();
        return bars(title, values.name(), counted, Arrays.stream(drawn).mapToObj(name).toArray(),
                Arrays.stream(drawn).mapToDouble(number -> bins.getOrDefault(number, 0)).toArray());
    }

    private static String doubling(long exponent) {
        int bin = (int) exponent;
        long low = (long) Math.scalb(1.0, bin);
        long high = (long) Math.scalb(1.0, bin + 1) - 1;
        return low == high ? String.valueOf(low) : String.format(Locale.ROOT, "%,d–%,d", low, high);
    }

    private static Figure bars(String title, String xTitle, String yTitle, Object[] categories, double[] heights) {
        BarTrace bars = BarTrace.builder(categories, heights)
                .marker(Marker.builder().color(Palette.color(0)).build()).build();
        return figure(title, axis(ColumnName.words(xTitle), Axis.Type.CATEGORY),
                axis(ColumnName.words(yTitle), Axis.Type.LINEAR), List.of(bars));
    }

    static Trace line(String name, double[] x, double[] y, int color, Line.Dash dash, ScatterTrace.Mode mode) {
        return ScatterTrace.builder(x, y).name(name).mode(mode)
                .line(Line.builder().color(Palette.color(color)).dash(dash).build()).build();
    }

    static Axis axis(String title, Axis.Type type) {
        return Axis.builder().title(title).type(type).build();
    }

    /** As wide as the cell. */
    static Figure figure(String title, Axis x, Axis y, List<Trace> traces) {
        Layout layout = Layout.builder().title(title).xAxis(x).yAxis(y).autosize(true).height(HEIGHT)
                .margin(Margin.builder().top(60).right(24).bottom(48).left(64).build())
                .showLegend(traces.stream().filter(trace -> trace.name() != null).count() > 1).build();
        return new Figure(layout, traces.toArray(Trace[]::new));
    }
}
