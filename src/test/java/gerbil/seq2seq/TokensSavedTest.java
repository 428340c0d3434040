package gerbil.seq2seq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class TokensSavedTest {

    private static Seq2SeqResult run(boolean warm, long seed, double... losses) {
        List<Seq2SeqResult.Point> curve = new ArrayList<>();
        for (double loss : losses) {
            curve.add(new Seq2SeqResult.Point(1_000L * curve.size(), loss));
        }
        return new Seq2SeqResult(new Seq2SeqSpec("base", warm, 1, 3, 1, seed), "run", "sha", "pairs", "code", curve);
    }

    @Test
    void aWarmStartSavesWhatItIsEarlier() {
        TokensSaved saved = TokensSaved.of(
                List.of(run(true, 0, 5, 3, 2, 1), run(true, 1, 3, 2.5, 2, 1), run(true, 2, 5, 4, 3.5, 3)),
                List.of(run(false, 0, 6, 4, 3.5, 2.5), run(false, 1, 6, 4, 3.5, 3), run(false, 2, 6, 4, 2.5, 2)));
        // 3,000 - 1,500; all 3,000, since it begins with that loss; 1,667 - 3,000, since it never has the other's
        assertEquals(List.of(1_500L, 3_000L, -1_333L), saved.bySeed());
        assertEquals(1_055.667, saved.mean(), 1e-3);
        // 4.30265 x 2,200.45 / sqrt(3): Student's t of two degrees of freedom
        assertEquals(1_055.667 - 5_466.2, saved.low(), 1);
        assertEquals(1_055.667 + 5_466.2, saved.high(), 1);
    }

    @Test
    void oneSeedHasNoInterval() {
        assertThrows(GerbilException.class, () -> TokensSaved.of(List.of(run(true, 0, 2, 1)),
                List.of(run(false, 0, 2, 1))));
        assertEquals("Found: warm runs of the seeds [0, 1] and others of [0, 2]. Expected: the same seeds, at least "
                + "two. To do: train what is missing.", assertThrows(GerbilException.class, () -> TokensSaved.of(
                List.of(run(true, 0, 2, 1), run(true, 1, 2, 1)), List.of(run(false, 0, 2, 1), run(false, 2, 2, 1))))
                .getMessage());
    }
}
