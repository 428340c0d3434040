package gerbil.base;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

class MeasurementsTest {

    private record Length(String of, double metres) {
    }

    @Test
    void whatIsThereIsNotMeasuredAgain(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("new/lengths.jsonl");
        Measurements<Length> lengths = new Measurements<>(file, Length.class);
        Length river = new Length("river", 1.0 / 3);
        assertEquals(river, lengths.of(l -> l.of().equals("river"), () -> river));
        lengths.of(l -> l.of().equals("road"), () -> new Length("road", 2));
        assertEquals(river, lengths.of(l -> l.of().equals("river"), () -> {
            throw new AssertionError("measured again");
        }));
        assertEquals(2, Files.readAllLines(file).size());
        Files.writeString(file, "{\"of\":\n");
        String message = assertThrows(GerbilException.class, () -> lengths.of(l -> true, () -> river)).getMessage();
        assertTrue(message.contains(file + " is not readable"), message);
    }
}
