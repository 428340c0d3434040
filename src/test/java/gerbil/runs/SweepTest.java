package gerbil.runs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;

class SweepTest {

    private static final StepSettings STEP = new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 16, 512, 0, false, 1);
    private static final RunSpec SPEC =
            RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024", "data", "heldout");
    private static final RunEnvironment HERE =
            new RunEnvironment("0.1.0", "cpu", 1, "PyTorch", "17", "texts", "00", STEP, "");

    @TempDir
    private Path home;

    private static RunResult result(RunSpec spec) {
        return new RunResult(spec, HERE, 1, spec.tokens(), 3, 3, 2.5, 1.25, 1, 50, 0, null, List.of());
    }

    /** What is damaged is told in its line, and what is kept is found without the list. */
    @Test
    void aDamagedRowIsToldInItsLine() throws IOException {
        List<RunSpec> specs = List.of(SPEC, SPEC.withSeed(1));
        Sweep sweep = new Sweep(specs, home.resolve("runs"), home.resolve("rows"));
        assertEquals(List.of(), sweep.kept());
        for (RunSpec spec : specs) {
            RunDirectory.of(sweep.runs(), spec).claim(spec, () -> HERE);
            RunDirectory.of(sweep.runs(), spec).finish(result(spec));
        }
        sweep.table();
        Files.writeString(sweep.rows().resolve("table.csv"), "made of the rows");
        assertEquals(sweep.results(), new Sweep(List.of(), sweep.runs(), sweep.rows()).kept());
        Files.writeString(sweep.rows().resolve(SPEC.fileName()), "{\"spec\":");
        List<Sweep.Row> table = sweep.table();
        assertTrue(table.get(0).state().startsWith("not whole: Found: " + sweep.rows().resolve(SPEC.fileName())),
                table.get(0).state());
        assertEquals(List.of(OptionalDouble.empty(), OptionalDouble.of(2.5)),
                table.stream().map(Sweep.Row::heldOutLoss).toList());
        assertThrows(GerbilException.class, sweep::kept);
    }

    /** Who has the list reads it while others train; a row stays when the run is gone, and is not made again. */
    @Test
    void aSweepIsReadWhileItRunsAndKeepsItsRows() throws IOException {
        List<RunSpec> specs = List.of(SPEC.with("tokens", "8k"), SPEC.with("tokens", "4k"), SPEC.withSeed(1));
        Sweep sweep = new Sweep(specs, home.resolve("runs"), home.resolve("results/sweeps/tokens"));
        RunDirectory finished = RunDirectory.of(sweep.runs(), specs.get(0));
        finished.claim(specs.get(0), () -> HERE);
        finished.finish(result(specs.get(0)));
        RunDirectory.of(sweep.runs(), specs.get(1)).claim(specs.get(1), () -> HERE);
        List<Sweep.Row> rows = List.of(new Sweep.Row("Gerbil-A-40k", 0, "tokens 8000", "finished",
                        OptionalDouble.of(2.5), OptionalDouble.of(1.25)),
                new Sweep.Row("Gerbil-A-40k", 0, "tokens 4000", "stopped, step 0 of 2", OptionalDouble.empty(),
                        OptionalDouble.empty()),
                new Sweep.Row("Gerbil-A-40k", 1, "tokens 803840", "waiting", OptionalDouble.empty(),
                        OptionalDouble.empty()));
        assertEquals(rows, sweep.table());
        Files.delete(finished.folder().resolve("result.json"));
        assertEquals(rows, sweep.table());
        assertEquals(List.of(result(specs.get(0))), sweep.results());
        assertEquals(result(specs.get(0)), sweep.result(specs.get(0), () -> {
            throw new AssertionError("trained again");
        }));
    }
}
