package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import tech.tablesaw.api.BooleanColumn;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.IntColumn;
import tech.tablesaw.api.LongColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.columns.Column;

import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

class TableHtmlTest {

    @Test
    void numbersAreWrittenAsTheirColumnNeeds() {
        assertEquals(List.of("66,420,736", "1"), cells(LongColumn.create("n", 66_420_736, 1)));
        assertEquals(List.of("6.6644", "5.0000"), cells(DoubleColumn.create("n", 6.66444, 5)));
        assertEquals(List.of("20", "142"), cells(DoubleColumn.create("n", 20, 142)));
        assertEquals(List.of("8,458.3", "12.5"), cells(DoubleColumn.create("n", 8458.25, 12.5)));
        assertEquals(List.of("6.00e-04", "0"), cells(DoubleColumn.create("n", 6e-4, 0)));
        assertEquals(List.of("-1.2500", "0.1000"), cells(DoubleColumn.create("n", -1.25, 0.1)));
    }

    @Test
    void timesHaveFewDecimals() {
        assertEquals(List.of("33.1", "7.2"), cells(DoubleColumn.create("wallSeconds", 33.1470, 7.2465)));
        assertEquals(List.of("0.12"), cells(DoubleColumn.create("extra_minutes", 0.117)));
        assertEquals(List.of("33.1470"), cells(DoubleColumn.create("fellPerMinute", 33.1470)));
    }

    @Test
    void aMissingValueIsEmpty() {
        assertEquals(List.of("", "1.5000"), cells(DoubleColumn.create("n", Double.NaN, 1.5)));
        IntColumn integers = IntColumn.create("n", 1, 2);
        integers.setMissing(0);
        assertEquals(List.of("", "2"), cells(integers));
        assertEquals(List.of("", "a"), cells(StringColumn.create("s", null, "a")));
    }

    @Test
    void textIsEscapedInCellsAndHeadings() {
        String html = TableHtml.render(Table.create(
                StringColumn.create("a < b", "<script>alert('x')</script> & \"y\"")));
        assertTrue(html.contains("a &lt; b"));
        assertTrue(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"));
        assertFalse(html.contains("<script>"));
    }

    @Test
    void otherColumnsAppearAsTheyPrint() {
        assertEquals(List.of("true", "false"), cells(BooleanColumn.create("b", true, false)));
    }

    @Test
    void aLongTableIsCutInTheMiddleAndSaysHowLongItIs() {
        String html = TableHtml.render(Table.create(IntColumn.indexColumn("n", 1_000, 1)));
        assertTrue(html.contains(">1<") && html.contains(">1,000<") && html.contains("1,000 rows"));
        assertFalse(html.contains(">500<"));
    }

    @Test
    void aTableWithoutRowsShowsItsHeadings() {
        Table table = Table.create(StringColumn.create("s"), DoubleColumn.create("n"));
        assertTrue(TableHtml.render(table).contains(">n</th>"));
    }

    private static List<String> cells(Column<?> column) {
        return Pattern.compile("<td[^>]*>([^<]*)</td>").matcher(TableHtml.render(Table.create(column))).results()
                .map((MatchResult cell) -> cell.group(1)).toList();
    }

    @Test
    void headersAreInWords() {
        assertEquals("bits per byte", ColumnName.words("bitsPerByte"));
        assertEquals("learning rate", ColumnName.words("learning_rate"));
        assertEquals("memory (MiB)", ColumnName.words("memoryMiB"));
        assertEquals("A", ColumnName.words("A"));
        assertEquals("loss (nats a token) of GerbilBlender", ColumnName.words("loss (nats a token) of GerbilBlender"));
        assertTrue(TableHtml.render(Table.create("t", LongColumn.create("heldOut", 1))).contains(">held out</th>"));
    }
}
