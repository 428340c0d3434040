package gerbil.results;

import gerbil.base.Json;
import gerbil.base.WholeFile;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.PublishedResult;
import gerbil.spec.RunResult;
import gerbil.spec.Scale;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.LongColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Published rows and finished runs in one table, by scale, objective, size and class.
 *
 * @param rows sorted
 * @param begun runs that have not finished
 */
public record LossTable(List<LossRow> rows, List<UnfinishedRun> begun) {

    private static final String NAME = "loss-table";
    private static final String RUNS = "runs";
    private static final List<String> SCALES = List.of(LossRow.PUBLISHED, "paper", "nano");
    private static final Comparator<LossRow> ORDER = Comparator
            .comparing((LossRow r) -> SCALES.indexOf(r.scale()))
            .thenComparing(LossRow::objective, Comparator.reverseOrder())
            .thenComparing(r -> ModelSize.ALL.indexOf(ModelSize.of(r.size())))
            .thenComparing(LossRow::budgetClass)
            .thenComparing(LossRow::tokens)
            .thenComparing(LossRow::seed, Comparator.nullsFirst(Comparator.naturalOrder()));

    /**
     * Takes every finished run under {@code runs} that began with random weights into {@code results/runs} and reads
     * all that are there, so that the table keeps runs whose checkpoints are gone; a run made again replaces the one
     * before it.
     */
    public static LossTable collect(Path runs, Path results) throws IOException {
        Path kept = Files.createDirectories(results.resolve(RUNS));
        for (RunResult result : finished(runs)) {
            Json.write(kept.resolve(result.spec().model() + "-" + result.spec().runId() + ".json"), result);
        }
        return new LossTable(rows(results), UnfinishedRun.under(runs));
    }

    /** Published rows and the runs under {@code results/runs}. */
    public static LossTable read(Path results) throws IOException {
        return new LossTable(rows(results), List.of());
    }

    private static List<LossRow> rows(Path results) throws IOException {
        List<LossRow> rows = new ArrayList<>(PublishedResult.all().stream().map(LossRow::of).toList());
        for (Path file : files(results.resolve(RUNS), ".json")) {
            rows.add(LossRow.of(Json.read(file, RunResult.class)));
        }
        rows.sort(ORDER);
        return List.copyOf(rows);
    }

    private static List<RunResult> finished(Path runs) throws IOException {
        List<RunResult> results = new ArrayList<>();
        for (Path file : files(runs, "result.json")) {
            RunResult result = Json.read(file, RunResult.class);
            if (result.spec().base() == null) {
                results.add(result);
            }
        }
        return results;
    }

    static List<Path> files(Path folder, String ending) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(f -> f.getFileName().toString().endsWith(ending)).sorted().toList();
        }
    }

    /** The rows of one scale: {@code nano}, {@code paper} or {@code published}. */
    public LossTable scale(String scale) {
        return new LossTable(rows.stream().filter(r -> r.scale().equals(scale)).toList(), begun);
    }

    /** All columns, unknown values missing. */
    public Table table() {
        return Table.create("Loss table",
                strings("model", LossRow::model), strings("scale", LossRow::scale),
                strings("objective", LossRow::objective), strings("size", LossRow::size),
                strings("class", LossRow::budgetClass), longs("parameters", LossRow::parameters),
                longs("tokens", LossRow::tokens), longs("batch_tokens", r -> (long) r.batchTokens()),
                doubles("training_loss", LossRow::trainingLoss), doubles("heldout_loss", LossRow::heldoutLoss),
                doubles("bits_per_byte", LossRow::bitsPerByte), strings("corpus", LossRow::corpus),
                strings("vocabulary", LossRow::vocabulary), strings("device", LossRow::device),
                doubles("wall_seconds", LossRow::wallSeconds), strings("code_version", LossRow::codeVersion),
                doubles("whole_run_loss", LossRow::wholeRunLoss), longs("seed", LossRow::seed),
                doubles("learning_rate", LossRow::learningRate), doubles("flops", LossRow::flops));
    }

    /**
     * Sizes down, classes across; a cell without a loss says why.
     *
     * @param loss which loss, {@link LossRow#trainingLoss} or {@link LossRow#heldoutLoss}
     */
    public Table grid(String scale, Objective objective, Function<LossRow, Double> loss) {
        List<ModelSize> sizes = sizes(scale);
        Table grid = Table.create(objective.family() + ", " + scale,
                StringColumn.create("size", sizes.stream().map(ModelSize::name).toList()));
        for (BudgetClass budgetClass : BudgetClass.values()) {
            grid.addColumns(StringColumn.create(budgetClass.name(), sizes.stream()
                    .map(size -> text(scale, objective, size, budgetClass, loss)).toList()));
        }
        return grid;
    }

    /** The published losses and ours at paper scale: sizes down, classes across, two columns for each class. */
    Table beside(Objective objective) {
        List<ModelSize> sizes = ModelSize.of(Scale.PAPER);
        Table grid = Table.create(objective.family(),
                StringColumn.create("size", sizes.stream().map(ModelSize::name).toList()));
        for (BudgetClass budgetClass : BudgetClass.values()) {
            for (String scale : List.of(LossRow.PUBLISHED, Scale.PAPER.label())) {
                String whose = scale.equals(LossRow.PUBLISHED) ? "published" : "ours";
                grid.addColumns(StringColumn.create(budgetClass + ", " + whose, sizes.stream()
                        .map(size -> text(scale, objective, size, budgetClass, LossRow::trainingLoss)).toList()));
            }
        }
        return grid;
    }

    private String text(String scale, Objective objective, ModelSize size, BudgetClass budgetClass,
                        Function<LossRow, Double> loss) {
        return cell(scale, objective, size, budgetClass).map(loss).map(v -> String.format(Locale.ROOT, "%.4f", v))
                .orElseGet(() -> missing(scale, objective, size, budgetClass));
    }

    /** The row of a cell: of the size's default run if it was made, or of another with the whole budget. */
    public Optional<LossRow> cell(String scale, Objective objective, ModelSize size, BudgetClass budgetClass) {
        return rows(scale, objective, size, budgetClass).filter(r -> r.tokens() >= size.budget(budgetClass))
                .min(Comparator.comparing(r -> r.seed() == null || r.seed() == 0
                        && r.learningRate() == size.learningRate() ? 0 : 1));
    }

    /** Why a cell has no loss. */
    public String missing(String scale, Objective objective, ModelSize size, BudgetClass budgetClass) {
        if (scale.equals(LossRow.PUBLISHED)) {
            return rows(scale, objective, size, budgetClass).findAny().isPresent() ? "announced, not published"
                    : "not announced";
        }
        return begun.stream().filter(run -> run.isFor(objective, size, budgetClass))
                .max(Comparator.comparingInt(UnfinishedRun::step)).map(UnfinishedRun::toString)
                .or(() -> rows(scale, objective, size, budgetClass).max(Comparator.comparing(LossRow::tokens))
                        .map(r -> String.format(Locale.ROOT, "only %,d tokens", r.tokens())))
                .orElse(size.scale() == Scale.PAPER ? "needs a GPU" : "not trained");
    }

    private Stream<LossRow> rows(String scale, Objective objective, ModelSize size, BudgetClass budgetClass) {
        return rows.stream().filter(r -> r.scale().equals(scale) && r.objective().equals(objective.label())
                && r.size().equals(size.name()) && r.budgetClass().equals(budgetClass.name()));
    }

    /** The sizes of a table's scale, small to large; the published ones are the paper's. */
    static List<ModelSize> sizes(String scale) {
        return ModelSize.of(scale.equals(LossRow.PUBLISHED) ? Scale.PAPER : Scale.of(scale));
    }

    /** Writes {@code loss-table.csv} and {@code loss-table.md}. */
    public void write(Path results) throws IOException {
        StringWriter csv = new StringWriter();
        table().write().csv(csv);
        WholeFile.write(results.resolve(NAME + ".csv"), csv.toString());
        WholeFile.write(results.resolve(NAME + ".md"), markdown());
    }

    private String markdown() {
        StringBuilder text = new StringBuilder("# Loss table\n\nNats a token, of the runs in `results/runs` "
                + "beside what was published.\nThe published losses are on the deduplicated Pile with GPT-2's "
                + "vocabulary. A run on another corpus or\nvocabulary (columns `corpus`, `vocabulary`) cannot be "
                + "compared with them number by number; what can be\ncompared is the order of classes and sizes.\n");
        for (Objective objective : Objective.values()) {
            text.append("\n## ").append(objective.family()).append(", published and ours: training loss\n\n")
                    .append(markdown(beside(objective)))
                    .append("\n## ").append(objective.family()).append(", nano: training loss\n\n")
                    .append(markdown(grid(Scale.NANO.label(), objective, LossRow::trainingLoss)));
        }
        return text.append("\n## Every row\n\n").append(markdown(table())).toString();
    }

    private static String markdown(Table table) {
        String header = String.join(" | ", table.columnNames());
        String rule = table.columnNames().stream().map(n -> "---").collect(Collectors.joining(" | "));
        return Stream.concat(Stream.of(header, rule), table.stream().map(row -> table.columns().stream()
                        .map(c -> c instanceof DoubleColumn d && !d.isMissing(row.getRowNumber())
                                ? String.format(Locale.ROOT, "%.6g", d.getDouble(row.getRowNumber()))
                                : c.getUnformattedString(row.getRowNumber()))
                        .collect(Collectors.joining(" | "))))
                .map(line -> "| " + line + " |\n").collect(Collectors.joining());
    }

    private StringColumn strings(String name, Function<LossRow, String> value) {
        return StringColumn.create(name, rows.stream().map(value).toList());
    }

    private LongColumn longs(String name, Function<LossRow, Long> value) {
        LongColumn column = LongColumn.create(name);
        rows.stream().map(value).forEach(v -> appendOrMissing(column, v));
        return column;
    }

    private static void appendOrMissing(LongColumn column, Long value) {
        if (value == null) {
            column.appendMissing();
        } else {
            column.append(value);
        }
    }

    private DoubleColumn doubles(String name, Function<LossRow, Double> value) {
        DoubleColumn column = DoubleColumn.create(name);
        rows.stream().map(value).forEach(column::append);
        return column;
    }
}
