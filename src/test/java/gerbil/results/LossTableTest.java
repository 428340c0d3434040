package gerbil.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.Json;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunRecord;
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
import java.util.Map;
import java.util.TreeMap;

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
                loss, loss + 1, loss + 0.1, loss / 2, 61.5, 50);
    }

    private RunResult finish(String size, BudgetClass budgetClass, double loss) throws IOException {
        RunResult result = result(size, budgetClass, loss);
        Path run = runs.resolve(result.spec().model()).resolve(result.spec().runId());
        Json.write(Files.createDirectories(run).resolve("result.json"), result);
        return result;
    }

    private void begin(String size, BudgetClass budgetClass, int steps) throws IOException {
        RunResult planned = result(size, budgetClass, 0);
        Path run = Files.createDirectories(runs.resolve(planned.spec().model()).resolve(planned.spec().runId()));
        Json.write(run.resolve("run.json"), new RunRecord(planned.spec(), planned.environment()));
        Files.writeString(run.resolve("metrics.jsonl"), "{}\n".repeat(steps) + "{\"st");
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
        // 6 x (4 x 12 x 32 x 32 + 50,400 x 32 + 4 x 32 x 512) = 10,364,928 operations a token
        assertTrue(lines.contains("Gerbil-A-3.3m,published,causal,3.3m,A,,60000000,65536,6.6644,,,"
                + "\"the Pile, deduplicated\",gpt2,,,,,,,6.2189568E14"), lines.toString());
        assertTrue(lines.contains("Gerbil-D-3.3m,published,causal,3.3m,D,,426000000,65536,,,,"
                + "\"the Pile, deduplicated\",gpt2,,,,,,,4.415459328E15"), lines.toString());

        Table csv = Table.read().csv(results.resolve("loss-table.csv").toFile());
        Table nano = csv.where(csv.stringColumn("scale").isEqualTo("nano"));
        assertEquals("cpu (x, \"y\")", nano.stringColumn("device").get(0));
        assertEquals(4.5, nano.doubleColumn("training_loss").get(0));
        assertEquals(40_192, nano.numberColumn("parameters").getDouble(0));

    }

    @Test
    void writingAgainWritesTheSameBytes() throws IOException {
        finish("92k", BudgetClass.B, 4.25);
        finish("40k", BudgetClass.A, 4.5);
        begin("40k", BudgetClass.B, 3);
        LossTable.collect(runs, results).write(results);
        Map<Path, String> first = contents();
        LossTable.collect(runs, results).write(results);
        assertEquals(first, contents());
        assertEquals(4, first.size(), first.keySet().toString());
    }

    private Map<Path, String> contents() throws IOException {
        Map<Path, String> contents = new TreeMap<>();
        for (Path file : LossTable.files(results, "")) {
            if (Files.isRegularFile(file)) {
                contents.put(file, Files.readString(file));
            }
        }
        return contents;
    }

    @Test
    void aCellWithoutALossSaysWhy() throws IOException {
        finish("40k", BudgetClass.A, 4.5);
        begin("92k", BudgetClass.A, 3);
        LossTable table = LossTable.collect(runs, results);
        Table nano = table.grid("nano", Objective.CAUSAL, LossRow::trainingLoss);
        assertEquals(List.of("size", "A", "B", "C", "D"), nano.columnNames());
        assertEquals(List.of("40k", "92k", "183k"), nano.stringColumn("size").asList());
        assertEquals(List.of("4.5000", "at step 3 of 448", "not trained"), nano.stringColumn("A").asList());
        Table published = table.grid("published", Objective.CAUSAL, LossRow::trainingLoss);
        assertEquals(List.of("6.6644", "6.0741", "4.9999", "4.0487", "not announced", "not announced"),
                published.stringColumn("A").asList());
        assertEquals("announced, not published", published.stringColumn("D").get(0));
        Table beside = table.beside(Objective.BLENDER);
        assertEquals(List.of("size", "A, published", "A, ours"), beside.columnNames().subList(0, 3));
        assertEquals("6.6220", beside.stringColumn("A, published").get(0));
        assertEquals("announced, not published", beside.stringColumn("A, published").get(1));
        assertEquals("needs a GPU", beside.stringColumn("A, ours").get(0));
    }

    @Test
    void aFinishedRunIsNotUnderWay() throws IOException {
        begin("40k", BudgetClass.A, 3);
        finish("40k", BudgetClass.A, 4.5);
        assertEquals(List.of(), LossTable.collect(runs, results).begun());
    }

    @Test
    void trendsCountTheStepsInWhichLossFallsAndFitALine() throws IOException {
        finish("40k", BudgetClass.A, 4);
        finish("40k", BudgetClass.D, 3);
        finish("92k", BudgetClass.A, 4.5);
        List<Trend> trends = Trend.of(LossTable.collect(runs, results), "nano");
        assertEquals(List.of("40k, by class", "class A, by size"), trends.stream().map(Trend::line).toList());
        Trend byClass = trends.get(0);
        assertEquals(List.of(2, 1), List.of(byClass.runs(), byClass.falling()));
        double doublings = Math.log((double) result("40k", BudgetClass.D, 3).tokens()
                / result("40k", BudgetClass.A, 4).tokens()) / Math.log(2);
        assertEquals(-1 / doublings, byClass.natsPerDoubling(), 1e-12);
        assertEquals(Math.log(3 / 4.0) / Math.log(2) / doublings, byClass.exponent(), 1e-12);
        assertEquals(List.of(2, 0), List.of(trends.get(1).runs(), trends.get(1).falling()));
    }

    @Test
    void publishedLossesFallFromClassToClassAndFromSizeToSize() throws IOException {
        List<Trend> trends = Trend.of(LossTable.read(results), "published");
        assertEquals(List.of("3.3m, by class", "6.7m, by class", "class A, by size", "class B, by size",
                "class C, by size"), trends.stream().map(Trend::line).toList());
        assertTrue(trends.stream().allMatch(t -> t.falling() == t.runs() - 1 && t.natsPerDoubling() < 0));
    }

    @Test
    void gridPassesOverTrialsOfASmallerBudget() throws IOException {
        RunResult full = result("40k", BudgetClass.A, 4.5);
        RunSpec trial = full.spec().withTokens(2_048);
        Json.write(Files.createDirectories(runs.resolve("trial")).resolve("result.json"), new RunResult(trial,
                full.environment(), full.parameters(), 2_048, 6.5, 6.5, 6.5, 3, 1, 1));
        LossTable table = LossTable.collect(runs, results);
        assertEquals(1, table.scale("nano").rows().size());
        assertEquals("only 2,048 tokens",
                table.grid("nano", Objective.CAUSAL, LossRow::trainingLoss).stringColumn("A").get(0));
    }

    @Test
    void markdownHasAGridForEachScaleAndAllRows() throws IOException {
        finish("40k", BudgetClass.A, 4.5);
        LossTable.collect(runs, results).write(results);
        String text = Files.readString(results.resolve("loss-table.md"));
        for (String part : List.of("## Gerbil, published and ours: training loss", "## GerbilBlender, published",
                "| size | A, published | A, ours | B, published |", "| 3.3m | 6.6644 | needs a GPU | 6.0822 |",
                "## Gerbil, nano", "| size | A | B | C | D |\n| --- | --- | --- | --- | --- |\n",
                "| 40k | 4.5000 | not trained | not trained | not trained |", "| Gerbil-A-40k | nano |", "cannot be")) {
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
