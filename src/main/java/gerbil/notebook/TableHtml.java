package gerbil.notebook;

import tech.tablesaw.api.NumericColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.columns.Column;

import java.util.Arrays;
import java.util.Locale;

/**
 * A table as bare HTML, whose colours are the notebook's own in any theme. Numbers are written one way a column, so
 * that digits stand under each other.
 */
final class TableHtml {

    /** Longer tables are cut in the middle. */
    private static final int ROWS_SHOWN = 60;

    private TableHtml() {
    }

    static MimeBundle bundle(Table table) {
        return MimeBundle.html(render(table), table.print(ROWS_SHOWN));
    }

    static String render(Table table) {
        StringBuilder html = new StringBuilder("<table>\n<thead><tr>");
        for (Column<?> column : table.columns()) {
            cell(html, "th", column, ColumnName.words(column.name()));
        }
        html.append("</tr></thead>\n<tbody>\n");
        boolean cut = table.rowCount() > ROWS_SHOWN;
        int head = cut ? ROWS_SHOWN / 2 : table.rowCount();
        String[] formats = table.columns().stream().map(TableHtml::format).toArray(String[]::new);
        rows(html, table, formats, 0, head);
        if (cut) {
            html.append("<tr>").append("<td>⋮</td>".repeat(table.columnCount())).append("</tr>\n");
            rows(html, table, formats, table.rowCount() - ROWS_SHOWN / 2, table.rowCount());
        }
        html.append("</tbody>\n</table>\n");
        return Html.scrolling(html.toString())
                + (cut ? String.format(Locale.ROOT, "<p>%,d rows</p>\n", table.rowCount()) : "");
    }

    private static void rows(StringBuilder html, Table table, String[] formats, int from, int to) {
        for (int row = from; row < to; row++) {
            html.append("<tr>");
            for (int i = 0; i < formats.length; i++) {
                Column<?> column = table.column(i);
                String text = column.isMissing(row) ? ""
                        : column instanceof NumericColumn<?> numbers ? number(numbers, row, formats[i])
                        : column.getString(row);
                cell(html, "td", column, text);
            }
            html.append("</tr>\n");
        }
    }

    private static void cell(StringBuilder html, String tag, Column<?> column, String text) {
        html.append('<').append(tag).append(" style=\"text-align:")
                .append(column instanceof NumericColumn ? "right" : "left").append("\">")
                .append(Html.escape(text)).append("</").append(tag).append('>');
    }

    private static String number(NumericColumn<?> numbers, int row, String format) {
        double value = numbers.getDouble(row);
        return value == 0 ? "0" : String.format(Locale.ROOT, format, value);
    }

    /**
     * Whole numbers stay whole, losses have four decimals, times fewer, and neither large nor tiny numbers more than
     * they need.
     */
    private static String format(Column<?> column) {
        if (!(column instanceof NumericColumn<?> numbers)) {
            return "";
        }
        double[] present = Arrays.stream(numbers.asDoubleArray()).filter(value -> !Double.isNaN(value)).toArray();
        String name = numbers.name().toLowerCase(Locale.ROOT);
        if (name.endsWith("seconds") || name.endsWith("minutes")) {
            return name.endsWith("seconds") ? "%,.1f" : "%,.2f";
        }
        double largest = Arrays.stream(present).map(Math::abs).max().orElse(0);
        boolean whole = Arrays.stream(present).allMatch(value -> value == Math.rint(value));
        if (whole || largest >= 10_000) {
            return "%,.0f";
        }
        return largest >= 100 ? "%,.1f" : largest >= 0.01 ? "%.4f" : "%.2e";
    }
}
