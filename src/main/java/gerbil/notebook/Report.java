package gerbil.notebook;

import gerbil.model.Devices;
import gerbil.results.LossCell;
import gerbil.results.LossMatrix;
import gerbil.results.LossRow;
import gerbil.results.LossTable;
import gerbil.runs.RunDirectory;
import gerbil.runs.RunSummary;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.spec.Scale;
import gerbil.train.Hardware;
import tech.tablesaw.api.Table;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * One page of everything that was trained: table, figures, runs, samples, machines. It needs no other file and no
 * network, reads in light and dark, and prints.
 */
public final class Report {

    private static final String PAGE = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Gerbil in Java: results</title>
            <style>
            :root { color-scheme: light dark; }
            body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
            h2 { margin-top: 2.5rem; }
            figure { margin: 1rem 0; break-inside: avoid; }
            figcaption { opacity: 0.8; }
            svg { max-width: 100%; height: auto; }
            .list td { white-space: nowrap; }
            table { border-collapse: collapse; font-size: 90%; font-variant-numeric: tabular-nums; }
            td, th { padding: 0.2rem 0.6rem; vertical-align: top; border-bottom: 1px solid rgba(128,128,128,0.25); }
            pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 0.6rem 0.8rem;
                background: rgba(128,128,128,0.12); }
            @media print { body { max-width: none; margin: 0; font-size: 11px; }
                .wide div { overflow: visible !important; }
                .list td { white-space: normal; } }
            </style>
            </head>
            <body>
            """;

    private final StringBuilder html = new StringBuilder(PAGE);

    private Report() {
    }

    /**
     * The page.
     *
     * @param runs those whose curves are drawn, finished, by name
     * @param summaries of all runs
     * @param samples what models wrote, by the name of each
     */
    public static String html(LossTable table, Map<String, RunDirectory> runs, List<RunSummary> summaries,
                              Map<String, String> samples) {
        Report report = new Report();
        report.add("<h1>Gerbil in Java: results</h1>\n").text("p", "Written " + Instant.now()
                .truncatedTo(ChronoUnit.MINUTES) + " on " + Hardware.device() + ", " + Devices.threads()
                + " threads. Losses are in nats a token.");
        report.text("h2", "Loss table").wide("", LossTableHtml.render(table));
        report.text("h2", "Loss by training tokens");
        for (Objective objective : Objective.values()) {
            for (Scale scale : Scale.values()) {
                table.matrices(scale.label(), objective).forEach(report::byTokens);
            }
        }
        report.text("h2", "Training").curves(runs);
        if (!table.otherRuns().isEmpty()) {
            report.text("h2", "Runs of other settings").list(table.otherRuns());
        }
        report.text("h2", "Every run on this machine").list(Tables.of("Runs", RunSummary.class, summaries));
        if (!samples.isEmpty()) {
            report.text("h2", "What the models write");
            samples.forEach((model, text) -> report.text("h3", model).text("pre", text));
        }
        report.text("h2", "Where the runs were made").wide("", TableHtml.render(machines(table)));
        return report.add("</body>\n</html>\n").html.toString();
    }

    private static Table machines(LossTable table) {
        record Machine(String device, String codeVersion, String corpus) {
        }
        record Row(String device, String codeVersion, String corpus, String models) {
        }
        Map<Machine, String> machines = table.rows().stream().filter(row -> row.device() != null)
                .collect(Collectors.groupingBy(row -> new Machine(row.device(), row.codeVersion(), row.corpus()),
                        LinkedHashMap::new, Collectors.mapping(row -> row.model() + ", seed " + row.seed(),
                                Collectors.joining("; "))));
        return Tables.of("Machines", Row.class, machines.entrySet().stream().map(e -> new Row(e.getKey().device,
                e.getKey().codeVersion, e.getKey().corpus, e.getValue())).toList());
    }

    /** Held-out loss, a line a size; without a line of two points there is no figure. */
    private void byTokens(LossMatrix matrix) {
        SvgCurve curve = new SvgCurve("training tokens, as powers of ten", "held-out " + Charts.LOSS);
        boolean drawn = false;
        for (ModelSize size : matrix.sizes()) {
            List<LossCell> cells = BudgetClass.WITHOUT_STAR.stream().flatMap(c -> matrix.cell(size, c).stream())
                    .toList();
            if (cells.size() > 1) {
                curve.add(size.name(), cells.stream().mapToDouble(c -> Math.log10(c.runs().get(0).tokens())).toArray(),
                        cells.stream().mapToDouble(c -> c.mean(LossRow::loss).orElseThrow()).toArray());
                drawn = true;
            }
        }
        if (drawn) {
            figure(curve, matrix + ": a line a size, from class A to D, means of seeds.");
        }
    }

    /** A figure of the default runs of each objective, size and corpus, and one of the others; a line a model. */
    private void curves(Map<String, RunDirectory> runs) {
        Map<String, SvgCurve> figures = new LinkedHashMap<>();
        Seeds.of(runs.values()).stream().sorted(Comparator.comparing(seeds -> order(seeds.spec()))).forEach(seeds -> {
            RunSpec spec = seeds.spec();
            figures.computeIfAbsent(spec.objective().family() + ", " + spec.size() + ", on "
                            + seeds.runs().get(0).record().environment().corpus()
                            + (spec.isDefault() ? "" : ": other settings"),
                    title -> new SvgCurve("tokens", "training " + Charts.LOSS)).add(seeds.name(), seeds.curves());
        });
        figures.forEach((title, curve) -> figure(curve, title + ". Smoothed, the losses themselves faint behind; of "
                + "several seeds the mean, and one standard deviation to either side."));
        if (runs.isEmpty()) {
            text("p", "No finished run is on this machine.");
        }
    }

    /** By objective, size and class; within that as they come. */
    private static int order(RunSpec spec) {
        int size = spec.objective().ordinal() * ModelSize.ALL.size() + ModelSize.ALL.indexOf(spec.modelSize());
        return size * BudgetClass.values().length + spec.budgetClass().ordinal();
    }

    private void figure(SvgCurve curve, String caption) {
        add("<figure>\n" + curve.svg() + "\n").text("figcaption", caption).add("</figure>\n");
    }

    private Report text(String tag, String text) {
        return add("<" + tag + ">" + Html.escape(text) + "</" + tag + ">\n");
    }

    private Report list(Table table) {
        return wide(" list", TableHtml.render(table));
    }

    private Report wide(String kind, String content) {
        return add("<div class=\"wide" + kind + "\">\n" + content + "</div>\n");
    }

    private Report add(String markup) {
        html.append(markup);
        return this;
    }
}
