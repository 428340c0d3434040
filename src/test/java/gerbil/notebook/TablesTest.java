package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.train.BudgetPlan;
import org.junit.jupiter.api.Test;
import tech.tablesaw.api.Table;

import java.util.List;
import java.util.OptionalLong;

class TablesTest {

    private static BudgetPlan plan(String size, double epochs) {
        RunSpec spec = RunSpec.of(ModelSize.of(size), BudgetClass.A, Objective.CAUSAL, 0, "gpt2", "data", "heldout");
        return new BudgetPlan(spec, new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 8, 512, 1_024, false, 1),
                epochs, 30, OptionalLong.empty());
    }

    @Test
    void plansOfTextSeenMoreThanFourTimesCarryAWarning() {
        Table plans = Tables.plans(List.of(plan("3.3m", 4), plan("6.7m", 5.25)));
        assertEquals(List.of("", "Gerbil-A-6.7m would see its text 5.3 times; beyond four times repeated text is worth "
                + "less and less than new text (Muennighoff et al. 2023): prepare more tokens"),
                plans.stringColumn("warning").asList());
        assertEquals(List.of("model", "parameters", "tokens", "epochs", "steps", "batchTokens", "microBatches",
                "tokensPerSecond", "memoryMiB", "minutes"), Tables.plans(List.of(plan("3.3m", 4))).columnNames());
    }

    @Test
    void timesSayWhatFitsOnACard() {
        Table times = Tables.times(List.of(plan("3.3m", 1), plan("32m", 1)));
        assertEquals(List.of("0.8 to 2.5 GB", "1.4 to 5.3 GB"), times.stringColumn("cardMemory").asList());
        assertEquals(", 64 at once", times.stringColumn("rtx2060Estimate").get(1).replaceFirst("^[^,]*", ""));
    }
}
