package gerbil.results;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.RunRecord;
import gerbil.spec.RunSpec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A run that was begun and has no result yet, whether it is running or was stopped.
 *
 * @param step the last that was recorded; 0 before the first
 */
public record UnfinishedRun(RunSpec spec, int step) {

    /** Those under {@code runs} that are not finetuned, and the names of files that are not whole. */
    static List<UnfinishedRun> under(Path runs, Set<String> passedOver) throws IOException {
        List<UnfinishedRun> begun = new ArrayList<>();
        for (var run : LossTable.read(runs, "run.json", RunRecord.class, passedOver).entrySet()) {
            RunSpec spec = run.getValue().spec();
            if (!Files.exists(run.getKey().resolveSibling("result.json")) && !spec.isFinetuning()) {
                begun.add(new UnfinishedRun(spec, steps(run.getKey().resolveSibling("metrics.jsonl"))));
            }
        }
        return List.copyOf(begun);
    }

    /** A line is a step; the last one may not be whole yet. */
    private static int steps(Path metrics) throws IOException {
        return Files.exists(metrics) ? Math.toIntExact(Files.readString(metrics).chars().filter(c -> c == '\n').count())
                : 0;
    }

    /** Whether it trains this model with default settings, whatever the seed. */
    boolean isFor(Objective objective, ModelSize size, BudgetClass budgetClass) {
        return spec.objective() == objective && spec.modelSize().equals(size) && spec.budgetClass() == budgetClass
                && spec.withSeed(0).isDefault();
    }

    /** How far it is: "at step 120 of 393". */
    @Override
    public String toString() {
        return String.format(Locale.ROOT, "at step %,d of %,d", step, spec.steps());
    }
}
