package gerbil.notebook;

import gerbil.base.Units;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * A small line chart as an SVG element, for charts that change while one looks: the Plotly extension does not redraw
 * an updated figure. Text and grid take the colour of the text around it, so that it reads in any theme.
 */
public final class SvgCurve {

    private static final int WIDTH = 640;
    private static final int HEIGHT = 260;
    private static final int LEFT = 56;
    private static final int RIGHT = 16;
    private static final int TOP = 24;
    private static final int BOTTOM = 40;

    private static final String LINE = "fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.8\"";
    private static final String FAINT = "fill=\"none\" stroke=\"currentColor\" stroke-opacity=\"0.35\"";
    private static final String BAND = "fill=\"currentColor\" fill-opacity=\"0.25\"";
    private static final String DOTS = "dots";

    /** @param name none of what stands behind the line that follows, in that line's colour */
    private record Series(String name, String style, int color, double[] x, double[] y) {
    }

    private final String xLabel;
    private final String yLabel;
    private final List<Series> series = new ArrayList<>();

    public SvgCurve(String xLabel, String yLabel) {
        this.xLabel = xLabel;
        this.yLabel = yLabel;
    }

    /** Adds a line; points that are not finite are left out. */
    public SvgCurve add(String name, double[] x, double[] y) {
        return add(name, LINE, x, y);
    }

    /** Adds a run's loss, smoothed, over the loss itself; of several seeds the mean, over a band of their spread. */
    SvgCurve add(String name, List<LossCurve> seeds) {
        LossCurve behind = LossCurve.behind(seeds);
        LossCurve line = LossCurve.meanOf(seeds).smoothed();
        return add(null, seeds.size() == 1 ? FAINT : BAND, behind.x(), behind.loss())
                .add(name, line.x(), line.loss());
    }

    /** Adds points that no line connects. */
    SvgCurve dots(String name, double[] x, double[] y) {
        return add(name, DOTS, x, y);
    }

    private SvgCurve add(String name, String style, double[] x, double[] y) {
        int[] drawn = IntStream.range(0, x.length)
                .filter(i -> Double.isFinite(x[i]) && Double.isFinite(y[i])).toArray();
        series.add(new Series(name, style, (int) named().count(), Arrays.stream(drawn).mapToDouble(i -> x[i]).toArray(),
                Arrays.stream(drawn).mapToDouble(i -> y[i]).toArray()));
        return this;
    }

    private Stream<Series> named() {
        return series.stream().filter(s -> s.name != null);
    }

    /** The chart as one {@code <svg>} element. */
    public String svg() {
        double[] xTicks = ticks(series.stream().flatMapToDouble(s -> Arrays.stream(s.x)));
        double[] yTicks = ticks(series.stream().flatMapToDouble(s -> Arrays.stream(s.y)));
        DoubleUnaryOperator toX = scale(xTicks, LEFT, WIDTH - RIGHT);
        DoubleUnaryOperator toY = scale(yTicks, HEIGHT - BOTTOM, TOP);
        StringBuilder svg = new StringBuilder(String.format(Locale.ROOT, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                + "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"11\" "
                + "fill=\"currentColor\">\n", WIDTH, HEIGHT, WIDTH, HEIGHT));
        for (double tick : yTicks) {
            double y = toY.applyAsDouble(tick);
            svg.append(String.format(Locale.ROOT, "<path d=\"M%d,%.1fH%d\" stroke=\"currentColor\" "
                    + "stroke-opacity=\"0.2\"/>\n", LEFT, y, WIDTH - RIGHT));
            text(svg, LEFT - 6, y + 4, "end", Units.count(tick));
        }
        for (double tick : xTicks) {
            text(svg, toX.applyAsDouble(tick), HEIGHT - BOTTOM + 16, "middle", Units.count(tick));
        }
        text(svg, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6, "middle", xLabel);
        text(svg, 4, 14, "start", yLabel);
        series.forEach(line -> line(svg, line, toX, toY));
        if (named().count() > 1) {
            legend(svg);
        }
        return svg.append("</svg>").toString();
    }

    private static void line(StringBuilder svg, Series line, DoubleUnaryOperator toX, DoubleUnaryOperator toY) {
        if (line.style.equals(DOTS)) {
            for (int i = 0; i < line.x.length; i++) {
                svg.append(String.format(Locale.ROOT, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n",
                        toX.applyAsDouble(line.x[i]), toY.applyAsDouble(line.y[i]), Palette.color(line.color)));
            }
            return;
        }
        svg.append(String.format(Locale.ROOT, "<polyline color=\"%s\" %s points=\"",
                Palette.color(line.color), line.style));
        for (int i = 0; i < line.x.length; i++) {
            svg.append(String.format(Locale.ROOT, "%.1f,%.1f ", toX.applyAsDouble(line.x[i]),
                    toY.applyAsDouble(line.y[i])));
        }
        svg.append("\"/>\n");
    }

    private void legend(StringBuilder svg) {
        List<Series> lines = named().toList();
        for (int i = 0; i < lines.size(); i++) {
            double y = TOP + 12 + 16 * i;
            svg.append(String.format(Locale.ROOT, "<path d=\"M%d,%.1fh18\" stroke-width=\"3\" stroke=\"%s\"/>\n",
                    WIDTH - RIGHT - 20, y - 4, Palette.color(i)));
            text(svg, WIDTH - RIGHT - 26, y, "end", lines.get(i).name);
        }
    }

    private static void text(StringBuilder svg, double x, double y, String anchor, String text) {
        svg.append(String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n",
                x, y, anchor, Html.escape(text)));
    }

    private static DoubleUnaryOperator scale(double[] ticks, double from, double to) {
        double low = ticks[0];
        double span = ticks[ticks.length - 1] - low;
        return value -> from + (value - low) / span * (to - from);
    }

    /** Three to seven round numbers, 1, 2 or 5 times a power of ten apart, that hold all values between them. */
    private static double[] ticks(DoubleStream values) {
        double[] sorted = values.sorted().toArray();
        double low = sorted.length == 0 ? 0 : sorted[0];
        double high = sorted.length == 0 ? 1 : sorted[sorted.length - 1];
        double span = high > low ? high - low : Math.max(Math.abs(high), 1);
        double power = Math.pow(10, Math.floor(Math.log10(span / 3)));
        double step = power * (span / 3 / power >= 5 ? 5 : span / 3 / power >= 2 ? 2 : 1);
        long first = (long) Math.floor(low / step);
        long last = Math.max((long) Math.ceil(high / step), first + 1);
        return LongStream.rangeClosed(first, last).mapToDouble(tick -> tick * step).toArray();
    }
}
