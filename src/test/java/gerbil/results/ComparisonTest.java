package gerbil.results;

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
import tech.tablesaw.api.Table;

import java.util.List;

class ComparisonTest {

    private static final StepSettings STEP = new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 16, 512, 0, false, 1);
    private static final RunSpec SPEC =
            RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024", "data", "heldout");

    private static RunResult result(RunSpec spec, String corpus, double loss) {
        return new RunResult(spec, new RunEnvironment("0.1.0", "cpu", 1, "PyTorch", "17", corpus, corpus, STEP, ""),
                1, spec.tokens(), loss + 1, loss + 2, loss, loss / 2, 1, 50, 0, null, List.of());
    }

    private static RunResult result(RunSpec spec, double loss) {
        return result(spec, "texts", loss);
    }

    private static List<String> row(Table table, int row) {
        return table.columns().stream().map(column -> column.getString(row)).toList();
    }

    /**
     * By hand: deviations 0.1 and 0.3 of three seeds each are 0.2236 together, with 4 degrees of freedom, whose t for
     * 95 % is 2.7764; between means of three that makes 2.7764 x 0.2236 x sqrt(2 / 3) = 0.5069.
     */
    @Test
    void aDifferenceIsHeldAgainstWhatSeedsMake() {
        RunSpec other = SPEC.with("sequence-length", 64);
        RunSpec alone = SPEC.with("sequence-length", 32);
        Comparison comparison = Comparison.of(List.of(result(SPEC, 4.0), result(other, 4.3),
                result(SPEC.withSeed(1), 4.1), result(SPEC.withSeed(2), 4.2), result(other.withSeed(1), 4.6),
                result(other.withSeed(2), 4.9),
                result(alone, 3.0), result(alone, 3.0)));
        assertEquals(List.of("Gerbil-A-40k, sequence length 128", "0, 1, 2", "4.1000 ± 0.1000 (n = 3)",
                "5.1000 ± 0.1000 (n = 3)", "2.0500 ± 0.0500 (n = 3)"), row(comparison.losses(), 0));
        assertEquals(List.of("sequenceLength", "128", "64", "32"), row(comparison.differences(), 0));
        assertEquals(1, comparison.differences().rowCount());
        Table significance = comparison.significance();
        assertEquals(List.of("Gerbil-A-40k, sequence length 64", "+0.5000", "± 0.5069", "no"), row(significance, 0));
        assertEquals(List.of("Gerbil-A-40k, sequence length 32", "-1.1000", "± 0.7169", "yes"), row(significance, 1));
        assertEquals("Two runs that differ in the seed alone are at most 0.8780 nats a token apart in 95 of 100 cases "
                + "(standard deviation 0.2236).", comparison.seeds());
        assertEquals(List.of(), comparison.notes());
    }

    @Test
    void withoutSeedsNothingIsSaidOfThem() {
        Comparison comparison = Comparison.of(List.of(result(SPEC, 4), result(SPEC.withTokens(500_000), 3)));
        assertEquals(List.of("Gerbil-A-40k, tokens 500000", "-1.0000", "not known", "train more seeds"),
                row(comparison.significance(), 0));
        assertTrue(comparison.seeds().contains("is not known"), comparison.seeds());
    }

    /** A token of one vocabulary is not a token of the other. */
    @Test
    void ofDifferentVocabulariesThereAreBitsAByte() {
        RunSpec large = RunSpec.of(ModelSize.of("3.3m"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2", "large", "other");
        Comparison comparison = Comparison.of(List.of(result(SPEC, 4), result(large, 3),
                result(large.withSeed(1), 3.2)));
        assertEquals(List.of("run", "seeds", "bits a byte"), comparison.losses().columnNames());
        assertEquals("Held against Gerbil-A-40k (bits a byte)", comparison.significance().name());
        assertEquals("-0.4500", row(comparison.significance(), 0).get(1));
        assertEquals(1, comparison.notes().size());
        assertTrue(comparison.notes().get(0).contains("bits a byte of text, since") && comparison.notes().get(0)
                .contains("[gpt2-1024, gpt2]"), comparison.notes().toString());
    }

    @Test
    void ofDifferentTextsThatIsSaid() {
        RunSpec elsewhere = RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024", "b", "c");
        List<String> notes = Comparison.of(List.of(result(SPEC, 4), result(elsewhere, "novels", 3))).notes();
        assertTrue(notes.size() == 1 && notes.get(0).contains("different texts, [texts, novels]"), notes.toString());
        assertTrue(Comparison.of(List.of(result(SPEC, 4), result(elsewhere, 3))).notes().get(0)
                .contains("different held-out documents"));
    }

    @Test
    void oneRunIsNotCompared() {
        assertTrue(assertThrows(GerbilException.class, () -> Comparison.of(List.of(result(SPEC, 4), result(SPEC, 4))))
                .getMessage().contains("fewer than two finished runs"));
    }
}
