package gerbil.notebook;

import tech.tablesaw.plotly.components.HoverLabel;
import tech.tablesaw.plotly.traces.Trace;

import java.util.Arrays;

/**
 * A trace with a bar of uncertainty at each of its points, which tablesaw has no words for.
 *
 * @param errors to either side, in the units of y; without one above 0 there are no bars
 */
record ErrorBars(Trace trace, double[] errors) implements Trace {

    @Override
    public String name() {
        return trace.name();
    }

    @Override
    public boolean showLegend() {
        return trace.showLegend();
    }

    @Override
    public HoverLabel hoverLabel() {
        return trace.hoverLabel();
    }

    @Override
    public String asJavascript(int index) {
        String javascript = trace.asJavascript(index);
        return Arrays.stream(errors).allMatch(error -> error == 0) ? javascript
                : javascript.replaceFirst("\\{", "{error_y: {type: 'data', array: " + Arrays.toString(errors) + "},");
    }
}
