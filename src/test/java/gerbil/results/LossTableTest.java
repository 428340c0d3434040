package gerbil.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.spec.BudgetClass;
import gerbil.spec.Json;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tech.tablesaw.api.Table;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

class LossTableTest {

    private static final int PUBLISHED = 14;
    private static final List<String> COLUMNS = List.of("model", "scale", "objective", "size", "class", "parameters",
            "tokens", "batch_tokens", "training_loss", "heldout_loss", "bits_per_byte", "corpus", "vocabulary",
            "device", "wall_seconds", "code_version");

    @TempDir
    private Path home;
    private Path runs;
    private Path results;

    @BeforeEach
    void folders() {
        runs = home.resolve("runs");
        results = home.resolve("results");
    }

    private static RunResult result(String size, BudgetClass budgetClass, double loss) {
        RunSpec spec = RunSpec.of(ModelSize.of(size), budgetClass, Objective.CAUSAL, 0, "gpt2-1024", "data", "heldout");
        RunEnvironment environment = new RunEnvironment("0.1.0 (abc)", "cpu (x, \"y\")", 2, "PyTorch", "17",
                "source jars", "00", new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 4, 64, 8, false),
                "2026-01-01T00:00:00Z");
        return new RunResult(spec, environment, spec.config().parameters(), (long) spec.steps() * spec.batchTokens(),
                loss, loss + 1, loss + 0.1, loss / 2, 61.5);
    }

    private RunResult finish(String size, BudgetClass budgetClass, double loss) throws IOException {
        RunResult result = result(size, budgetClass, loss);
        Path run = runs.resolve(result.spec().model()).resolve(result.spec().runId());
        Json.write(Files.createDirectories(run).resolve("result.json"), result);
        return result;
    }

    @Test
    void withoutRunsThereAreThePublishedRows() throws IOException {
        LossTable table = LossTable.collect(runs, results);
        assertEquals(PUBLISHED, table.rows().size());
        assertEquals(PUBLISHED, table.scale("published").rows().size());
        assertEquals(List.of(), table.scale("nano").rows());
    }

    @Test
    void finishedRunsAreCollectedOnceAndKept() throws IOException {
        RunResult result = finish("40k", BudgetClass.A, 4.5);
        Files.createDirectories(runs.resolve("Gerbil-B-40k/unfinished/checkpoints"));
        LossTable table = LossTable.collect(runs, results);
        assertEquals(List.of(LossRow.of(result)), table.scale("nano").rows());
        assertEquals(table, LossTable.collect(runs, results));
        assertEquals(table, LossTable.collect(home.resolve("runs deleted"), results));
        assertEquals(table, LossTable.read(results));
    }

    @Test
    void aRerunReplacesTheRun() throws IOException {
        finish("40k", BudgetClass.A, 4.5);
        LossTable.collect(runs, results);
        finish("40k", BudgetClass.A, 4.25);
        assertEquals(List.of(4.25),
                LossTable.collect(runs, results).scale("nano").rows().stream().map(LossRow::trainingLoss).toList());
    }

    @Test
    void rowsAreOrderedBySizeAndClass() throws IOException {
        for (String size : List.of("183k", "40k", "92k")) {
            finish(size, BudgetClass.D, 4);
            finish(size, BudgetClass.A, 5);
        }
        assertEquals(List.of("Gerbil-A-40k", "Gerbil-D-40k", "Gerbil-A-92k", "Gerbil-D-92k", "Gerbil-A-183k",
                "Gerbil-D-183k"),
                LossTable.collect(runs, results).scale("nano").rows().stream().map(LossRow::model).toList());
    }

    @Test
    void csvHasTheColumnsAndLeavesTheUnknownEmpty() throws IOException {
        finish("40k", BudgetClass.A, 4.5);
        LossTable table = LossTable.collect(runs, results);
        table.write(results);
        List<String> lines = Files.readAllLines(results.resolve("loss-table.csv"));
        assertEquals(COLUMNS, List.of(lines.get(0).split(",")).subList(0, COLUMNS.size()));
        assertEquals(1 + PUBLISHED + 1, lines.size());
        assertTrue(lines.contains("Gerbil-A-3.3m,published,causal,3.3m,A,,60000000,65536,6.6644,,,"
                + "\"the Pile, deduplicated\",gpt2,,,,,,"), lines.toString());
        assertTrue(lines.contains("Gerbil-D-3.3m,published,causal,3.3m,D,,426000000,65536,,,,"
                + "\"the Pile, deduplicated\",gpt2,,,,,,"), lines.toString());

        Table csv = Table.read().csv(results.resolve("loss-table.csv").toFile());
        Table nano = csv.where(csv.stringColumn("scale").isEqualTo("nano"));
        assertEquals("cpu (x, \"y\")", nano.stringColumn("device").get(0));
        assertEquals(4.5, nano.doubleColumn("training_loss").get(0));
        assertEquals(40_192, nano.numberColumn("parameters").getDouble(0));

        List<String> files = List.of(lines.toString(), Files.readString(results.resolve("loss-table.md")));
        LossTable.collect(runs, results).write(results);
        assertEquals(files, List.of(Files.readAllLines(results.resolve("loss-table.csv")).toString(),
                Files.readString(results.resolve("loss-table.md"))));
    }

    @Test
    void gridSaysWhatIsMissing() throws IOException {
        finish("40k", BudgetClass.A, 4.5);
        LossTable table = LossTable.collect(runs, results);
        Table nano = table.grid("nano", Objective.CAUSAL, LossRow::trainingLoss);
        assertEquals(List.of("size", "A", "B", "C", "D"), nano.columnNames());
        assertEquals(List.of("40k", "92k", "183k"), nano.stringColumn("size").asList());
        assertEquals(List.of("4.5000", "not run", "not run"), nano.stringColumn("A").asList());
        Table published = table.grid("published", Objective.CAUSAL, LossRow::trainingLoss);
        assertEquals(List.of("6.6644", "6.0741", "4.9999", "4.0487", "not published", "not published"),
                published.stringColumn("A").asList());
        assertEquals("not published", published.stringColumn("D").get(0));
    }

    @Test
    void gridPassesOverTrialsOfASmallerBudget() throws IOException {
        RunResult full = result("40k", BudgetClass.A, 4.5);
        RunSpec trial = full.spec().withTokens(2_048);
        Json.write(Files.createDirectories(runs.resolve("trial")).resolve("result.json"), new RunResult(trial,
                full.environment(), full.parameters(), 2_048, 6.5, 6.5, 6.5, 3, 1));
        LossTable table = LossTable.collect(runs, results);
        assertEquals(1, table.scale("nano").rows().size());
        assertEquals("not run", table.grid("nano", Objective.CAUSAL, LossRow::trainingLoss).stringColumn("A").get(0));
    }

    @Test
    void markdownHasAGridForEachScaleAndAllRows() throws IOException {
        finish("40k", BudgetClass.A, 4.5);
        LossTable.collect(runs, results).write(results);
        String text = Files.readString(results.resolve("loss-table.md"));
        for (String part : List.of("## Gerbil, published: training loss", "## GerbilBlender, published",
                "## Gerbil, nano", "| size | A | B | C | D |\n| --- | --- | --- | --- | --- |\n",
                "| 40k | 4.5000 | not run | not run | not run |", "| Gerbil-A-40k | nano |", "cannot be")) {
            assertTrue(text.contains(part), part);
        }
    }

    @Test
    void learningRateTrialsAreRecordedOnce() throws IOException {
        LearningRates.record(results, result("92k", BudgetClass.A, 4.5));
        LearningRates.record(results, result("40k", BudgetClass.A, 4.25));
        LearningRates.record(results, result("92k", BudgetClass.A, 4.5));
        assertEquals(List.of("size,objective,class,learning_rate,seed,training_loss,heldout_loss,code_version",
                "40k,causal,A,0.032,0,4.2500,4.3500,0.1.0 (abc)", "92k,causal,A,0.032,0,4.5000,4.6000,0.1.0 (abc)"),
                Files.readAllLines(results.resolve("learning-rates.csv")));
    }
}
