package gerbil.notebook;

import gerbil.results.LossRow;
import gerbil.results.LossTable;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Scale;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The loss table as HTML: sizes down, classes across, in each class the published loss and ours side by side. Its
 * colours are the notebook's own, fainter or stronger, so that it can be read in light and dark.
 */
final class LossTableHtml {

    private static final String RULE = "1px solid rgba(128,128,128,0.4)";
    private static final String SMALL = "opacity:0.7;font-size:85%";
    private static final int CLASSES = BudgetClass.values().length;

    private LossTableHtml() {
    }

    static MimeBundle bundle(LossTable table) {
        String plain = Stream.of(LossRow.PUBLISHED, Scale.PAPER.label(), Scale.NANO.label())
                .flatMap(scale -> Stream.of(Objective.values())
                        .map(objective -> table.grid(scale, objective, LossRow::trainingLoss).printAll()))
                .collect(Collectors.joining("\n\n"));
        return MimeBundle.html(render(table), plain);
    }

    static String render(LossTable table) {
        StringBuilder html = new StringBuilder("<table>\n<thead>\n<tr>");
        html.append(header("size", "rowspan=\"2\"", ""));
        for (BudgetClass budgetClass : BudgetClass.values()) {
            html.append(header(budgetClass + ": " + budgetClass.tokensPerParameter() + " tokens a parameter",
                    "colspan=\"2\"", ";border-left:" + RULE));
        }
        html.append("</tr>\n<tr>").append((header("published", "", ";border-left:" + RULE) + header("ours", "", ""))
                .repeat(CLASSES)).append("</tr>\n</thead>\n<tbody>\n");
        for (Objective objective : Objective.values()) {
            section(html, table, objective, Scale.PAPER);
            section(html, table, objective, Scale.NANO);
        }
        return html.append("</tbody>\n</table>\n<p>Training loss in nats a token; below it, smaller, the loss on "
                + "held-out documents.</p>\n").toString();
    }

    private static String header(String text, String span, String style) {
        return "<th " + span + " style=\"text-align:center" + style + "\">" + Html.escape(text) + "</th>";
    }

    private static void section(StringBuilder html, LossTable table, Objective objective, Scale scale) {
        html.append("<tr><th colspan=\"").append(1 + 2 * CLASSES).append("\" style=\"text-align:left;border-top:")
                .append(RULE).append("\">").append(Html.escape(title(table, objective, scale))).append("</th></tr>\n");
        for (ModelSize size : ModelSize.of(scale)) {
            html.append("<tr><th style=\"text-align:right\">").append(Html.escape(size.name())).append("</th>");
            for (BudgetClass budgetClass : BudgetClass.values()) {
                if (scale == Scale.PAPER) {
                    html.append(cell(table, LossRow.PUBLISHED, objective, size, budgetClass, ";border-left:" + RULE));
                    html.append(cell(table, scale.label(), objective, size, budgetClass, ""));
                } else {
                    html.append("<td style=\"border-left:").append(RULE).append("\"></td>")
                            .append(cell(table, scale.label(), objective, size, budgetClass, ""));
                }
            }
            html.append("</tr>\n");
        }
    }

    /** "Gerbil, paper: published on the Pile, ours on pile-deduplicated": what the losses are losses of. */
    private static String title(LossTable table, Objective objective, Scale scale) {
        List<String> ours = table.scale(scale.label()).rows().stream()
                .filter(row -> row.objective().equals(objective.label()))
                .map(row -> row.corpus() + " in " + row.vocabulary()).distinct().toList();
        return objective.family() + ", " + scale.label() + ": "
                + (scale == Scale.PAPER ? "published on the Pile in gpt2" : "no such size was published")
                + (ours.isEmpty() ? "" : ", ours on " + String.join(" and ", ours));
    }

    private static String cell(LossTable table, String scale, Objective objective, ModelSize size,
                               BudgetClass budgetClass, String style) {
        Optional<LossRow> row = table.cell(scale, objective, size, budgetClass)
                .filter(known -> known.trainingLoss() != null);
        String text = row.map(known -> number(known.trainingLoss()) + (known.heldoutLoss() == null ? ""
                : "<br>" + small(number(known.heldoutLoss()))))
                .orElseGet(() -> small(Html.escape(table.missing(scale, objective, size, budgetClass))));
        return "<td style=\"text-align:right" + style + "\">" + text + "</td>";
    }

    private static String number(double loss) {
        return String.format(Locale.ROOT, "%.4f", loss);
    }

    private static String small(String html) {
        return "<span style=\"" + SMALL + "\">" + html + "</span>";
    }
}
