package gerbil.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointPolicyTest {

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "-1", "0s", "1.5m", "5 m", "1d", "m", "9999999999"})
    void nonsenseIsNoTimeBetweenCheckpoints(String every) {
        assertTrue(refusal(() -> CheckpointPolicy.parse(every, 2, 0)).contains("checkpoints every '" + every + "'"));
        assertTrue(refusal(() -> CheckpointPolicy.parse("1m", 0, 0)).contains("at least 1 to keep"));
    }

    @Test
    void checkpointsTakeAtMostTwoPercentOfTheTime() {
        CheckpointPolicy minute = CheckpointPolicy.parse("1m", 2, 0);
        assertEquals(CheckpointPolicy.DEFAULT, minute);
        assertFalse(minute.due(7, 59, 0.1));
        assertTrue(minute.due(7, 60, 0.1));
        assertFalse(minute.due(7, 99, 2));
        assertTrue(minute.due(7, 100, 2));
        CheckpointPolicy steps = CheckpointPolicy.parse("500", 2, 0);
        assertTrue(steps.due(1_500, 1, 100) && !steps.due(1_501, 10_000, 0));
    }

    private static String refusal(Executable action) {
        return assertThrows(GerbilException.class, action).getMessage();
    }
}
