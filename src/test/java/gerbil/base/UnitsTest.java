package gerbil.base;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.stream.DoubleStream;

class UnitsTest {

    @Test
    void timesAreSaidInTheUnitsThatMatter() {
        assertEquals(List.of("under 0.1 s", "under 0.1 s", "0.1 s", "9.5 s", "59 s", "1 min 2 s", "3 h 5 min"),
                DoubleStream.of(0, 0.0004, 0.1, 9.54, 59.9, 62, 11_159).mapToObj(Units::seconds).toList());
    }
}
