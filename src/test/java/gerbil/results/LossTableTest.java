package gerbil.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.Folders;
import gerbil.base.Json;
import gerbil.hub.ModelCard;
import gerbil.spec.BaseModel;
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
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

class LossTableTest {

    private static final int PUBLISHED = 14;
    private static final List<String> COLUMNS = List.of("model", "scale", "objective", "size", "class", "parameters",
            "tokens", "batch_tokens", "heldout_loss", "bits_per_byte", "training_loss", "corpus", "vocabulary",
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

    private static RunSpec spec(String size, BudgetClass budgetClass) {
        return RunSpec.of(ModelSize.of(size), budgetClass, Objective.CAUSAL, 0, "gpt2-1024", "data", "heldout");
    }

    private static RunResult result(String size, BudgetClass budgetClass, double loss) {
        return result(spec(size, budgetClass), "source jars", loss);
    }

    /** Held-out loss is the training loss and 0.1. */
    private static RunResult result(RunSpec spec, String corpus, double loss) {
        RunEnvironment environment = new RunEnvironment("0.1.0 (abc)", "cpu (x, \"y\")", 2, "PyTorch", "17",
                corpus, "00", new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 4, 64, 8, false, 1),
                "2026-01-01T00:00:00Z");
        return new RunResult(spec, environment, spec.config().parameters(), (long) spec.steps() * spec.batchTokens(),
                loss, loss + 1, loss + 0.1, loss / 2, 61.5, 50, 0, null, List.of());
    }

    private RunResult finish(String size, BudgetClass budgetClass, double loss) throws IOException {
        return finish(result(size, budgetClass, loss));
    }

    private RunResult finish(RunResult result) throws IOException {
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
        assertEquals(PUBLISHED, table.scale("published").size());
        assertEquals(List.of(), table.scale("nano"));
    }

    /** A model trained on has a column of its own, and all the tokens that it has seen. */
    @Test
    void continuedRunsAreMarked() throws IOException {
        finish("40k", BudgetClass.B, 4.2);
        assertEquals(5, LossTable.collect(runs, results).matrices("nano", Objective.CAUSAL).get(0)
                .grid(LossRow::loss).columnCount());
        RunSpec star = spec("40k", BudgetClass.A_STAR);
        BaseModel base = new BaseModel("Gerbil-A-40k", "0".repeat(64), star.config());
        finish(result(star.continuing(base), "source jars", 4.3));
        finish(result(spec("40k", BudgetClass.A).finetuning(base), "source jars", 4.1));
        LossTable table = LossTable.collect(runs, results);
        assertEquals(List.of("A*", "B"), table.scale("nano").stream().map(LossRow::budgetClass).toList());
        assertEquals(1, table.scale("nano").stream().map(LossRow::tokens).distinct().count());
        table.write(results);
        assertTrue(Files.readString(results.resolve("loss-table.md")).replaceAll(" +", " ").contains(
                "| size | A | B | C | D | A* |\n| --- | --- | --- | --- | --- | --- |\n"
                        + "| 40k | – | 4.3000 | – | – | 4.4000 |"));
    }

    /** The row and the card of a run say where it went on. */
    @Test
    void whereARunWentOnIsTold() throws IOException {
        RunResult begun = result("40k", BudgetClass.A, 4.5);
        RunEnvironment e = begun.environment();
        RunEnvironment other = new RunEnvironment(e.codeVersion(), e.device(), 1, e.engine(), e.java(), e.corpus(),
                e.corpusHash(), e.step(), "2026-01-02T00:00:00Z");
        finish(new RunResult(begun.spec(), e, begun.parameters(), begun.tokens(), begun.trainingLoss(),
                begun.wholeRunLoss(), begun.heldoutLoss(), begun.bitsPerByte(), begun.wallSeconds(), 50, 0, null,
                List.of(other)));
        assertEquals("0.1.0 (abc), continued with threads: 2 and 1",
                LossTable.collect(runs, results).scale("nano").get(0).codeVersion());
        assertTrue(new ModelCard(new RunRecord(begun.spec(), e, List.of(other)), 7, Optional.empty()).markdown()
                .contains("- code: Gerbil in Java 0.1.0 (abc), continued with threads: 2 and 1\n"));
    }

    @Test
    void finishedRunsAreCollectedOnceAndKept() throws IOException {
        RunResult result = finish("40k", BudgetClass.A, 4.5);
        Files.createDirectories(runs.resolve("Gerbil-B-40k/unfinished/checkpoints"));
        LossTable table = LossTable.collect(runs, results);
        assertEquals(List.of(LossRow.of(result)), table.scale("nano"));
        assertEquals(table, LossTable.collect(runs, results));
        assertEquals(table, LossTable.collect(home.resolve("runs deleted"), results));
        assertEquals(table, LossTable.read(results));
    }

    /** Runs themselves, a model's, one of them; and results. */
    @Test
    void runsAndResultsMayLieBehindLinks(@TempDir Path disk) throws IOException {
        runs = Files.createSymbolicLink(home.resolve("runs"), Files.createDirectory(disk.resolve("runs")));
        results = Files.createSymbolicLink(home.resolve("results"), Files.createDirectory(disk.resolve("results")));
        RunResult first = finish("40k", BudgetClass.A, 4.5);
        RunResult second = finish("92k", BudgetClass.A, 4);
        Path model = runs.resolve(second.spec().model());
        Files.move(model, disk.resolve("model"));
        Files.createSymbolicLink(model, disk.resolve("model"));
        RunResult third = finish("92k", BudgetClass.B, 3.5);
        Path run = runs.resolve(third.spec().model()).resolve(third.spec().runId());
        Files.move(run, disk.resolve("run"));
        Files.createSymbolicLink(run, disk.resolve("run"));
        begin("183k", BudgetClass.A, 7);
        LossTable table = LossTable.collect(runs, results);
        assertEquals(Stream.of(first, second, third).map(LossRow::of).toList(), table.scale("nano"));
        assertEquals(1, table.begun().size());
        table.write(results);
        assertEquals(table.rows(), LossTable.read(disk.resolve("results")).rows());
        LearningRates.record(results, first);
        assertTrue(Files.exists(disk.resolve("results/learning-rates.csv")) && Files.isSymbolicLink(results));
        Files.createSymbolicLink(runs.resolve("circle"), disk.resolve("runs"));
        Files.createSymbolicLink(runs.resolve("gone"), disk.resolve("none"));
        Files.createSymbolicLink(results.resolve("runs/gone.json"), disk.resolve("none"));
        table = LossTable.collect(runs, results);
        assertEquals(3, table.scale("nano").size());
        assertEquals(List.of("runs/circle", "runs/gone", "runs/gone.json"), table.passedOver());
    }

    @Test
    void aRerunReplacesTheRun() throws IOException {
        finish("40k", BudgetClass.A, 4.5);
        LossTable.collect(runs, results);
        finish("40k", BudgetClass.A, 4.25);
        assertEquals(List.of(4.25),
                LossTable.collect(runs, results).scale("nano").stream().map(LossRow::trainingLoss).toList());
    }

    @Test
    void rowsAreOrderedBySizeAndClass() throws IOException {
        for (String size : List.of("183k", "40k", "92k")) {
            finish(size, BudgetClass.D, 4);
            finish(size, BudgetClass.A, 5);
        }
        assertEquals(List.of("Gerbil-A-40k", "Gerbil-D-40k", "Gerbil-A-92k", "Gerbil-D-92k", "Gerbil-A-183k",
                "Gerbil-D-183k"),
                LossTable.collect(runs, results).scale("nano").stream().map(LossRow::model).toList());
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
        assertTrue(lines.contains("Gerbil-A-3.3m,published,causal,3.3m,A,,60000000,65536,,,6.6644,"
                + "\"the Pile, deduplicated\",gpt2,,,,,,,6.2189568E14,,"), lines.toString());
        assertTrue(lines.contains("Gerbil-D-3.3m,published,causal,3.3m,D,,426000000,65536,,,,"
                + "\"the Pile, deduplicated\",gpt2,,,,,,,4.415459328E15,,"), lines.toString());

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
        for (Path file : Folders.files(results).keySet()) {
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
        LossMatrix matrix = only(table, "nano", Objective.CAUSAL);
        Table nano = matrix.grid(LossRow::loss);
        assertEquals("Gerbil, nano, on source jars in gpt2-1024", nano.name());
        assertEquals(List.of("size", "A", "B", "C", "D"), nano.columnNames());
        assertEquals(List.of("40k", "92k", "183k"), nano.stringColumn("size").asList());
        assertEquals(List.of("4.6000", "at step 3 of 448", "–"), nano.stringColumn("A").asList());
        Table published = only(table, "published", Objective.CAUSAL).grid(LossRow::loss);
        assertEquals(List.of("6.6644", "6.0741", "4.9999", "4.0487"), published.stringColumn("A").asList());
        assertEquals(List.of("announced, not published", "4.8186", "–", "–"), published.stringColumn("D").asList());
        Table beside = table.beside(only(table, "paper", Objective.BLENDER));
        assertEquals(List.of("size", "A, published", "A, ours"), beside.columnNames().subList(0, 3));
        assertEquals("6.6220", beside.stringColumn("A, published").get(0));
        assertEquals("announced, not published", beside.stringColumn("A, published").get(1));
        assertEquals("–", beside.stringColumn("A, ours").get(0));
    }

    private static LossMatrix only(LossTable table, String scale, Objective objective) {
        List<LossMatrix> matrices = table.matrices(scale, objective);
        assertEquals(1, matrices.size());
        return matrices.get(0);
    }

    @Test
    void aCellIsTheMeanOfItsSeedsAndSaysHowTheySpread() throws IOException {
        for (int seed = 0; seed < 3; seed++) {
            finish(result(spec("40k", BudgetClass.A).withSeed(seed), "source jars", List.of(4.5, 4.0, 4.4).get(seed)));
        }
        finish("40k", BudgetClass.B, 3);
        LossMatrix matrix = only(LossTable.collect(runs, results), "nano", Objective.CAUSAL);
        LossCell cell = matrix.cell(ModelSize.of("40k"), BudgetClass.A).orElseThrow();
        assertEquals(4.4, cell.mean(LossRow::loss).orElseThrow(), 1e-12);
        // of 4.6, 4.1 and 4.5: the root of (0.2² + 0.3² + 0.1²) / 2
        assertEquals(Math.sqrt(0.07), cell.deviation(LossRow::loss).orElseThrow(), 1e-12);
        assertEquals("4.4000 ± 0.2646 (n = 3)", matrix.grid(LossRow::loss).stringColumn("A").get(0));
        assertEquals("3.1000", matrix.grid(LossRow::loss).stringColumn("B").get(0));
    }

    /** No run hides another: what is not of default settings, or on other text, stands apart. */
    @Test
    void otherRatesBudgetsAndCorporaAreKeptApart() throws IOException {
        RunSpec spec = spec("40k", BudgetClass.A);
        RunSpec mine = RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024",
                "9876543210", "mine");
        RunSpec again = RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024",
                "0123456789", "mine");
        finish(result(spec, "source jars", 4.5));
        finish(result(spec.withSeed(1), "source jars", 4.5));
        finish(result(spec.withLearningRate(50), "source jars", 23));
        finish(result(spec.withTokens(2_048), "source jars", 6.5));
        finish(result(spec.withBatch(1_024, 64), "source jars", 4.3));
        finish(result(mine, "texts", 2));
        finish(result(again, "texts", 3));
        LossTable table = LossTable.collect(runs, results);
        assertEquals(Map.of("source jars in gpt2-1024", "4.6000 ± 0.0000 (n = 2)",
                "texts in gpt2-1024, token set 98765432", "2.1000", "texts in gpt2-1024, token set 01234567", "3.1000"),
                table.matrices("nano", Objective.CAUSAL).stream().collect(Collectors.toMap(LossMatrix::corpus,
                        matrix -> matrix.grid(LossRow::loss).stringColumn("A").get(0))));
        assertEquals("source jars in gpt2-1024", table.matrices("nano", Objective.CAUSAL).get(0).corpus());
        assertEquals(List.of(4.3, 6.5, 23.0), table.otherRuns().doubleColumn("training_loss").asList().stream()
                .sorted().toList());
        assertEquals(7, table.scale("nano").size());
    }

    /** Files as a disk, an editor or a hand may leave them. */
    @Test
    void whatIsNotWholeIsPassedOverByName() throws IOException {
        RunResult result = finish("40k", BudgetClass.A, 4.5);
        finish("40k", BudgetClass.B, 4);
        begin("92k", BudgetClass.A, 3);
        Path whole = runs.resolve(result.spec().model()).resolve(result.spec().runId()).resolve("result.json");
        String text = Files.readString(whole);
        for (String broken : List.of("", "{}", "[1]", text.substring(0, text.length() / 2), text.replace("40k", "41k"),
                text.replace("\"environment\"", "\"invironment\""))) {
            Files.writeString(whole, broken);
            Path begun = runs.resolve("Gerbil-A-92k/begun/run.json");
            Files.createDirectories(begun.getParent());
            Files.writeString(begun, broken);
            Files.createDirectories(results.resolve("runs"));
            Files.writeString(results.resolve("runs/mine.json"), broken);
            LossTable table = LossTable.collect(runs, results);
            assertEquals(List.of("runs/Gerbil-A-40k/" + result.spec().runId() + "/result.json",
                    "runs/Gerbil-A-92k/begun/run.json", "runs/mine.json"), table.passedOver(), broken);
            assertEquals(List.of("Gerbil-B-40k"), table.scale("nano").stream().map(LossRow::model).toList());
            assertEquals(1, table.begun().size());
        }
    }

    @Test
    void aFinishedRunIsNotUnderWay() throws IOException {
        begin("40k", BudgetClass.A, 3);
        finish("40k", BudgetClass.A, 4.5);
        assertEquals(List.of(), LossTable.collect(runs, results).begun());
    }

    @Test
    void trendsCountTheStepsInWhichLossFallsAndFitALine() throws IOException {
        finish("40k", BudgetClass.A, 3.9); // held out 4
        finish("40k", BudgetClass.D, 2.9);
        finish("92k", BudgetClass.A, 4.5);
        List<Trend> trends = Trend.of(LossTable.collect(runs, results), "nano");
        assertEquals(List.of("40k, by class", "class A, by size"), trends.stream().map(Trend::line).toList());
        Trend byClass = trends.get(0);
        assertEquals(List.of(2, 1), List.of(byClass.runs(), byClass.falling()));
        double doublings = Math.log((double) result("40k", BudgetClass.D, 3).tokens()
                / result("40k", BudgetClass.A, 4).tokens()) / Math.log(2);
        assertEquals("source jars in gpt2-1024", byClass.corpus());
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
    void markdownHasAGridForEachScaleAndAllRows() throws IOException {
        finish("40k", BudgetClass.A, 4.5);
        LossTable.collect(runs, results).write(results);
        String text = Files.readString(results.resolve("loss-table.md"));
        for (String part : List.of("## Gerbil, nano, on source jars in gpt2-1024: held-out loss\n",
                "| 40k | 4.6000 | – | – | – |", "## Gerbil, nano, on source jars in gpt2-1024: training loss\n",
                "| 40k | 4.5000 | – | – | – |", "## Gerbil, paper: training loss", "## GerbilBlender, paper",
                "| size | A, published | A, ours | B, published |", "| 3.3m | 6.6644 | – | 6.0822 |",
                "| size | A | B | C | D |\n| --- | --- | --- | --- | --- |\n", "## Other runs", "| Gerbil-A-40k | nano |",
                "cannot be compared")) {
            assertTrue(text.contains(part), part);
        }
    }

    @Test
    void learningRateTrialsAreRecordedOnce() throws IOException {
        LearningRates.record(results, result("92k", BudgetClass.A, 4.5));
        LearningRates.record(results, result("40k", BudgetClass.A, 4.25));
        LearningRates.record(results, result("92k", BudgetClass.A, 4.5));
        LearningRates.record(results, result(spec("92k", BudgetClass.A).with("sequence-length", 64), "source jars", 4));
        LearningRates.record(results,
                result(spec("92k", BudgetClass.A).withSeed(1).withLearningRate(1e-3), "source jars", 5));
        assertEquals(List.of("size,objective,class,learning_rate,seed,training_loss,heldout_loss,code_version",
                "40k,causal,A,0.032,0,4.2500,4.3500,0.1.0 (abc)",
                "92k,causal,A,0.001,1,5.0000,5.1000,0.1.0 (abc)", "92k,causal,A,0.032,0,4.5000,4.6000,0.1.0 (abc)"),
                Files.readAllLines(results.resolve("learning-rates.csv")));
    }
}
