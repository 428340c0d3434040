package gerbil.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.SmallTokenSet;
import gerbil.tokens.TokenSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** A token set of the ids 0 to 199 in order (the last one ends the document), so that an id tells its position. */
class CausalSequencesTest {

    private static final int LENGTH = 10;
    private static final int WINDOWS = 19;

    @TempDir
    private Path folder;
    private TokenSet tokens;

    @BeforeEach
    void write() {
        tokens = SmallTokenSet.write(folder.resolve("set"), Vocabulary.cut(1_024), IntStream.range(0, 199).toArray());
    }

    private long[] starts(CausalSequences data, long first, int count) {
        Batch batch = data.batch(first, count);
        return IntStream.range(0, count).mapToLong(row -> batch.inputs()[row * LENGTH]).toArray();
    }

    @Test
    void windowsAreTheSetInOrderAndTargetsTheNextIds() {
        Windows windows = new Windows(tokens, LENGTH);
        assertEquals(WINDOWS, windows.count());
        Batch batch = windows.batch(IntStream.range(0, WINDOWS).toArray());
        assertEquals(List.of(WINDOWS, LENGTH), List.of(batch.sequences(), batch.length()));
        assertArrayEquals(new long[WINDOWS * LENGTH], batch.groups());
        assertArrayEquals(LongStream.range(0, WINDOWS * LENGTH).toArray(), batch.inputs());
        assertArrayEquals(LongStream.rangeClosed(1, WINDOWS * LENGTH).toArray(), batch.targets());
    }

    @Test
    void targetsAreTheInputsShiftedByOne() {
        Batch batch = new CausalSequences(tokens, LENGTH, 1).batch(0, WINDOWS);
        assertArrayEquals(Arrays.stream(batch.inputs()).map(id -> id + 1).toArray(), batch.targets());
    }

    @Test
    void everyEpochVisitsEveryWindowOnceInAnOrderOfItsOwn() {
        CausalSequences data = new CausalSequences(tokens, LENGTH, 1);
        assertEquals(WINDOWS, data.perEpoch());
        long[] all = LongStream.range(0, WINDOWS).map(w -> w * LENGTH).toArray();
        for (int epoch = 0; epoch < 4; epoch++) {
            long[] starts = starts(data, (long) epoch * WINDOWS, WINDOWS);
            assertFalse(Arrays.equals(all, starts), "shuffled");
            assertFalse(Arrays.equals(starts(data, (epoch + 1L) * WINDOWS, WINDOWS), starts), "unlike the next epoch");
            assertArrayEquals(all, Arrays.stream(starts).sorted().toArray());
        }
    }

    @Test
    void orderIsAFunctionOfTheSeedAlone() {
        long[] order = starts(new CausalSequences(tokens, LENGTH, 1), 0, WINDOWS);
        assertArrayEquals(order, starts(new CausalSequences(tokens, LENGTH, 1), 0, WINDOWS));
        assertFalse(Arrays.equals(order, starts(new CausalSequences(tokens, LENGTH, 2), 0, WINDOWS)));
    }

    @Test
    void aBatchDoesNotDependOnTheBatchesBefore() {
        CausalSequences used = new CausalSequences(tokens, LENGTH, 1);
        for (long first : new long[] {0, 16, 17, 40, 3, 10_000_000_000L, 18}) {
            long[] fresh = starts(new CausalSequences(tokens, LENGTH, 1), first, 7);
            assertArrayEquals(fresh, starts(used, first, 7));
            assertArrayEquals(fresh, LongStream.range(0, 7).map(i -> starts(used, first + i, 1)[0]).toArray());
        }
    }

    @Test
    void setsShorterThanASequenceAreRefused() {
        assertEquals(1, new CausalSequences(tokens, 199, 0).perEpoch());
        String message = assertThrows(GerbilException.class, () -> new CausalSequences(tokens, 200, 0)).getMessage();
        assertTrue(message.contains("200 tokens in " + tokens.folder()) && message.contains("at least 201"), message);
    }
}
