package gerbil.notebook;

import gerbil.results.LossCell;
import gerbil.results.LossMatrix;
import gerbil.results.LossRow;
import gerbil.results.LossTable;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Scale;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The loss table as HTML: sizes down, classes across, in each class the published loss and ours side by side. Its
 * colours are the notebook's own, fainter or stronger, so that it can be read in light and dark.
 */
final class LossTableHtml {

    private static final String RULE = "1px solid rgba(128,128,128,0.4)";
    private static final String SMALL = "opacity:0.7;font-size:85%";

    private LossTableHtml() {
    }

    static MimeBundle bundle(LossTable table) {
        String plain = Stream.of(LossRow.PUBLISHED, Scale.PAPER.label(), Scale.NANO.label())
                .flatMap(scale -> Stream.of(Objective.values())
                        .flatMap(objective -> table.matrices(scale, objective).stream()))
                .map(matrix -> matrix.grid(LossRow::loss).printAll()).collect(Collectors.joining("\n\n"));
        return MimeBundle.html(render(table), plain);
    }

    static String render(LossTable table) {
        StringBuilder html = new StringBuilder(Html.scrolling(losses(table))).append("<p>").append(Html.escape("Nats a "
                + "token. Published: training loss, all that is known. Ours: the loss on held-out documents, runs of "
                + "default settings alone; below it, smaller, the standard deviation over n seeds, and the training "
                + "loss, mean of the last steps. "
                + LossMatrix.NOTHING + ": not announced, or not trained here; the published sizes need a GPU."))
                .append("</p>\n");
        int others = table.otherRuns().rowCount();
        Stream.concat(others == 0 ? Stream.empty()
                : Stream.of("Runs of other settings, which stand in no cell: " + others),
                table.passedOver().stream().map(file -> "Passed over, not whole: " + file))
                .forEach(hint -> html.append("<p>").append(Html.escape(hint)).append("</p>\n"));
        return html.toString();
    }

    private static String losses(LossTable table) {
        StringBuilder html = new StringBuilder("<table>\n<thead>\n<tr>");
        html.append(header("size", "rowspan=\"2\"", ""));
        List<Scale> scales = List.of(Scale.PAPER, Scale.NANO);
        List<BudgetClass> classes = Stream.of(Objective.values()).flatMap(objective -> scales.stream()
                .flatMap(scale -> table.matrices(scale.label(), objective).stream()))
                .flatMap(matrix -> matrix.classes().stream()).distinct().sorted().toList();
        StringBuilder whose = new StringBuilder();
        for (BudgetClass budgetClass : classes) {
            boolean continued = budgetClass.before().isPresent();
            html.append(header(budgetClass + ": " + (continued ? "continued to " : "")
                    + budgetClass.tokensPerParameter() + " tokens a parameter",
                    continued ? "" : "colspan=\"2\"", ";border-left:" + RULE));
            whose.append(continued ? header("ours: held out", "", ";border-left:" + RULE)
                    : header("published: training", "", ";border-left:" + RULE) + header("ours: held out", "", ""));
        }
        html.append("</tr>\n<tr>").append(whose).append("</tr>\n</thead>\n<tbody>\n");
        for (Objective objective : Objective.values()) {
            for (Scale scale : scales) {
                table.matrices(scale.label(), objective).forEach(ours -> section(html,
                        table.matrices(LossRow.PUBLISHED, objective).get(0), ours, scale, classes));
            }
        }
        return html.append("</tbody>\n</table>\n").toString();
    }

    private static String header(String text, String span, String style) {
        return "<th " + span + " style=\"text-align:center" + style + "\">" + Html.escape(text) + "</th>";
    }

    private static void section(StringBuilder html, LossMatrix published, LossMatrix ours, Scale scale,
                                List<BudgetClass> classes) {
        html.append("<tr><th colspan=\"").append(1 + BudgetClass.WITHOUT_STAR.size() + classes.size())
                .append("\" style=\"text-align:left;border-top:").append(RULE).append("\">")
                .append(Html.escape(title(ours, scale))).append("</th></tr>\n");
        for (ModelSize size : ours.sizes()) {
            html.append("<tr><th style=\"text-align:right\">").append(Html.escape(size.name())).append("</th>");
            for (BudgetClass budgetClass : classes) {
                String rule = ";border-left:" + RULE;
                if (budgetClass.before().isEmpty()) {
                    html.append(scale == Scale.NANO ? "<td style=\"border-left:" + RULE + "\"></td>"
                            : cell(published, size, budgetClass, rule));
                    rule = "";
                }
                html.append(cell(ours, size, budgetClass, rule));
            }
            html.append("</tr>\n");
        }
    }

    /** "Gerbil, paper: published on the Pile, ours on pile-deduplicated": what the losses are losses of. */
    private static String title(LossMatrix ours, Scale scale) {
        return ours.objective().family() + ", " + scale.label() + ": "
                + (scale == Scale.PAPER ? "published on the Pile in gpt2" : "no such size was published")
                + (ours.corpus().isEmpty() ? "" : ", ours on " + ours.corpus());
    }

    private static String cell(LossMatrix matrix, ModelSize size, BudgetClass budgetClass, String style) {
        String text = matrix.cell(size, budgetClass).map(LossTableHtml::losses)
                .orElseGet(() -> small(Html.escape(matrix.missing(size, budgetClass))));
        return "<td style=\"text-align:right" + style + "\">" + text + "</td>";
    }

    private static String losses(LossCell cell) {
        StringBuilder html = new StringBuilder(number(cell.mean(LossRow::loss).orElseThrow()));
        cell.deviation(LossRow::loss).ifPresent(deviation -> html.append("<br>")
                .append(small(("± " + number(deviation) + ", n = " + cell.runs().size()).replace(" ", "&nbsp;"))));
        if (cell.mean(LossRow::heldoutLoss).isPresent()) {
            html.append("<br>").append(small(number(cell.mean(LossRow::trainingLoss).orElseThrow())));
        }
        return html.toString();
    }

    private static String number(double loss) {
        return String.format(Locale.ROOT, "%.4f", loss);
    }

    private static String small(String html) {
        return "<span style=\"" + SMALL + "\">" + html + "</span>";
    }
}
