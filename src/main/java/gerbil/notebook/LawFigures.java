package gerbil.notebook;

import gerbil.law.Prediction;
import gerbil.law.ScalingFit;
import gerbil.law.ScalingFit.Checked;
import tech.tablesaw.api.Table;
import tech.tablesaw.plotly.components.Axis;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.components.Line;
import tech.tablesaw.plotly.components.Marker;
import tech.tablesaw.plotly.traces.ScatterTrace;
import tech.tablesaw.plotly.traces.Trace;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A scaling law's table and figures. What lies outside the hull of the law's points is dotted. */
public final class LawFigures {

    private static final int PER_LINE = 80;
    /** How far lines go beyond the points, as a factor. */
    private static final double BEYOND = 4;

    private LawFigures() {
    }

    /** The law's parameters with their intervals, to three digits: their sizes have nothing in common. */
    public static Table parameters(String name, ScalingFit fit) {
        record Row(String parameter, String value, String low, String high) { }
        return Tables.of(name, Row.class, fit.parameters().stream().map(p -> new Row(p.parameter(),
                digits(p.value()), digits(p.low()), digits(p.high()))).toList());
    }

    private static String digits(double value) {
        return Math.abs(value) < 1e5 ? new BigDecimal(value).round(new MathContext(3)).toPlainString()
                : String.format(Locale.ROOT, "%.1e", value);
    }

    /** Points and law by tokens: a colour a size. */
    public static Figure fit(String title, ScalingFit fit) {
        List<Trace> traces = new ArrayList<>();
        bySize(fit).forEach((parameters, cells) -> {
            int color = traces.size() / 3;
            double[] tokens = cells.stream().mapToDouble(Checked::tokens).toArray();
            traces.add(ScatterTrace.builder(tokens, cells.stream().mapToDouble(Checked::loss).toArray())
                    .name(count(parameters)).mode(ScatterTrace.Mode.MARKERS)
                    .marker(Marker.builder().color(Palette.color(color)).build()).build());
            double[] x = logarithmic(Arrays.stream(tokens).min().orElseThrow() / BEYOND,
                    Arrays.stream(tokens).max().orElseThrow() * BEYOND);
            traces.addAll(curve("law", color, x, t -> fit.predict(parameters, t)));
        });
        return Charts.figure(title, Charts.axis("tokens", Axis.Type.LOG), Charts.axis(Charts.LOSS, Axis.Type.LINEAR),
                traces);
    }

    /** By how many per cent the law is off, by tokens: a colour a size. */
    public static Figure residuals(String title, ScalingFit fit) {
        List<Trace> traces = new ArrayList<>();
        bySize(fit).forEach((parameters, cells) -> traces.add(Charts.line(count(parameters),
                cells.stream().mapToDouble(Checked::tokens).toArray(),
                cells.stream().mapToDouble(Checked::percent).toArray(), traces.size(), Line.Dash.SOLID,
                ScatterTrace.Mode.LINE_AND_MARKERS)));
        return Charts.figure(title, Charts.axis("tokens", Axis.Type.LOG),
                Charts.axis("law above the loss (%)", Axis.Type.LINEAR), traces);
    }

    /** The law's loss by parameters at fixed numbers of operations, six a parameter and token. */
    public static Figure isoFlop(String title, ScalingFit fit, double... budgets) {
        double[] sizes = fit.residuals().stream().mapToDouble(Checked::parameters).sorted().toArray();
        double[] x = logarithmic(sizes[0] / BEYOND, sizes[sizes.length - 1] * BEYOND);
        List<Trace> traces = new ArrayList<>();
        for (double flops : budgets) {
            traces.addAll(curve(String.format(Locale.ROOT, "%.0e operations", flops), traces.size() / 2, x,
                    n -> fit.predict(n, flops / 6 / n)));
        }
        return Charts.figure(title, Charts.axis("parameters", Axis.Type.LOG),
                Charts.axis(Charts.LOSS, Axis.Type.LINEAR), traces);
    }

    /** Predictions, solid within the hull and dotted outside. */
    private static List<Trace> curve(String name, int color, double[] x, DoubleFunction<Prediction> predict) {
        List<Prediction> predictions = Arrays.stream(x).mapToObj(predict).toList();
        int[] within = IntStream.range(0, x.length).filter(i -> !predictions.get(i).extrapolated()).toArray();
        return List.of(
                Charts.line(name + ", extrapolated", x, predictions.stream().mapToDouble(Prediction::loss).toArray(),
                        color, Line.Dash.DOT, ScatterTrace.Mode.LINE),
                Charts.line(name, Arrays.stream(within).mapToDouble(i -> x[i]).toArray(),
                        Arrays.stream(within).mapToDouble(i -> predictions.get(i).loss()).toArray(), color,
                        Line.Dash.SOLID, ScatterTrace.Mode.LINE));
    }

    private static Map<Double, List<Checked>> bySize(ScalingFit fit) {
        return fit.residuals().stream()
                .collect(Collectors.groupingBy(Checked::parameters, LinkedHashMap::new, Collectors.toList()));
    }

    private static String count(double parameters) {
        return String.format(Locale.ROOT, "%,.0f parameters", parameters);
    }

    private static double[] logarithmic(double from, double to) {
        return IntStream.range(0, PER_LINE)
                .mapToDouble(i -> from * Math.pow(to / from, i / (PER_LINE - 1.0))).toArray();
    }
}
