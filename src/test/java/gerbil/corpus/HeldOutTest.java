package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.util.stream.IntStream;

class HeldOutTest {

    @Test
    void holdsOutAboutOneDocumentInAHundred() {
        long heldOut = IntStream.range(0, 50_000).mapToObj(i -> new Document("" + i, "s", "text " + i))
                .filter(HeldOut::contains).count();
        assertTrue(heldOut > 425 && heldOut < 575, heldOut + " of 50,000");
    }

    @Test
    void copiesOfATextFallOnTheSameSide() {
        IntStream.range(0, 2_000).forEach(i -> assertEquals(
                HeldOut.contains(new Document("a" + i, "s", "text " + i)),
                HeldOut.contains(new Document("b" + i, "t", "text " + i))));
    }
}
