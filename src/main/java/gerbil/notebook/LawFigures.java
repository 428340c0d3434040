package gerbil.notebook;

import gerbil.law.Prediction;
import gerbil.law.ScalingFit;
import gerbil.law.ScalingFit.Checked;
import gerbil.law.ScalingLaw;
import tech.tablesaw.plotly.components.Axis;
import tech.tablesaw.plotly.components.Figure;
import tech.tablesaw.plotly.components.Line;
import tech.tablesaw.plotly.components.Marker;
import tech.tablesaw.plotly.traces.ScatterTrace;
import tech.tablesaw.plotly.traces.Trace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A scaling law's figures. */
public final class LawFigures {

    private static final int PER_LINE = 40;
    /** How far lines go beyond the points, as a factor. */
    private static final double BEYOND = 4;

    private LawFigures() {
    }

    /** Points, and the law dashed, by tokens: a colour a size. */
    public static Figure fit(String title, ScalingFit fit) {
        List<Trace> traces = new ArrayList<>();
        bySize(fit).forEach((parameters, cells) -> {
            int color = traces.size() / 2;
            double[] tokens = cells.stream().mapToDouble(Checked::tokens).toArray();
            traces.add(ScatterTrace.builder(tokens, cells.stream().mapToDouble(Checked::loss).toArray())
                    .name(count(parameters)).mode(ScatterTrace.Mode.MARKERS)
                    .marker(Marker.builder().color(Palette.color(color)).build())
                    .build());
            double[] x = logarithmic(Arrays.stream(tokens).min().orElseThrow() / BEYOND,
                    Arrays.stream(tokens).max().orElseThrow() * BEYOND);
            traces.add(Charts.line(count(parameters) + ", law", x,
                    Arrays.stream(x).map(t -> fit.law().loss(parameters, t)).toArray(), color, Line.Dash.DASH,
                    ScatterTrace.Mode.LINE));
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

    /**
     * The law's loss by parameters at fixed numbers of operations, six a parameter and token: solid within the hull,
     * dashed outside.
     */
    public static Figure isoFlop(String title, ScalingFit fit, double... budgets) {
        double[] sizes = fit.residuals().stream().mapToDouble(Checked::parameters).sorted().toArray();
        double[] x = logarithmic(sizes[0] / BEYOND, sizes[sizes.length - 1] * BEYOND);
        List<Trace> traces = new ArrayList<>();
        for (int i = 0; i < budgets.length; i++) {
            double flops = budgets[i];
            List<Prediction> predictions = Arrays.stream(x).mapToObj(n -> fit.predict(n, flops / 6 / n)).toList();
            String name = String.format(Locale.ROOT, "%.1e operations", flops);
            int[] within = IntStream.range(0, x.length).filter(j -> !predictions.get(j).extrapolated()).toArray();
            traces.add(Charts.line(name + ", extrapolated", x,
                    predictions.stream().mapToDouble(Prediction::loss).toArray(), i, Line.Dash.DOT,
                    ScatterTrace.Mode.LINE));
            traces.add(Charts.line(name, Arrays.stream(within).mapToDouble(j -> x[j]).toArray(),
                    Arrays.stream(within).mapToDouble(j -> predictions.get(j).loss()).toArray(), i, Line.Dash.SOLID,
                    ScatterTrace.Mode.LINE));
        }
        return Charts.figure(title, Charts.axis("parameters", Axis.Type.LOG),
                Charts.axis(Charts.LOSS, Axis.Type.LINEAR), traces);
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
