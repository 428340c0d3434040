package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class JsonLineTest {

    private static JsonLine parse(String line) throws JsonLine.Unreadable {
        byte[] bytes = ("x" + line).getBytes(StandardCharsets.UTF_8);
        return JsonLine.parse(bytes, 1, bytes.length - 1);
    }

    /** Python's json writes the first; the others are JSON that many a parser limits. */
    @ParameterizedTest
    @ValueSource(strings = {"NaN", "-Infinity", "[Infinity, {\"a\": NaN}]", "1e999999999", "-0.0E-4000"})
    void whatIsNotReadIsNotJudged(String unread) throws JsonLine.Unreadable {
        for (String line : new String[] {"{\"text\": \"a\", \"x\": %s}", "{\"x\": %s, \"text\": \"a\"}",
            "{\"meta\": {\"x\": %s, \"pile_set_name\": \"b\"}, \"text\": \"a\"}"}) {
            assertEquals("a", parse(line.replace("%s", unread)).text());
        }
        String labelled = "{\"text\": \"a\", \"meta\": {\"x\": " + unread + ", \"pile_set_name\": \"b\"}}";
        assertEquals("b", parse(labelled).subset());
    }

    @Test
    void whatIsNotReadMayBeLong() throws JsonLine.Unreadable {
        for (String unread : new String[] {"9".repeat(1_500), "0." + "3".repeat(100_000), "1".repeat(3_000_000),
            "\"" + "s".repeat(30_000_000) + "\"", "[".repeat(50_000) + "]".repeat(50_000),
            "{\"a\":".repeat(20_000) + "1" + "}".repeat(20_000), "{\"" + "n".repeat(200_000) + "\": 1}"}) {
            assertEquals("a", parse("{\"x\": " + unread + ", \"text\": \"a\"}").text());
        }
    }

    /** Names that have one hash in the parser's table are told from an attack by nothing but their number. */
    @Test
    void namesMayBeMany() throws JsonLine.Unreadable {
        String names = IntStream.range(0, 300_000).mapToObj(i -> "\"" + Integer.toString(i * 7919, 36) + "\": 0")
                .collect(Collectors.joining(", "));
        assertEquals("a", parse("{" + names + ", \"text\": \"a\"}").text());
    }

    /** A line of which it cannot be told where its fields end is bad. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '\'', value = {
        "{\"text\": \"a\", \"x\": [1}            | is not JSON",
        "{\"text\": \"a\", \"x\": {\"y\": 1}     | is not JSON",
        "{\"text\": \"a\", \"x\": \"open}        | is not JSON",
        "{\"text\": \"a\", \"x\": nan}           | is not JSON",
        "{\"text\": \"a\", \"x\"}                | is not JSON",
        "{\"text\": NaN}                         | has no text",
        "{\"text\": \"a\"} NaN                   | has more than one JSON object",
        "NaN                                     | is not a JSON object"})
    void whatIsNoJsonIsBad(String line, String mentioned) {
        String message = assertThrows(JsonLine.Unreadable.class, () -> parse(line)).getMessage();
        assertTrue(message.startsWith(mentioned), message);
    }
}
