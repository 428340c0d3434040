package gerbil.results;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.WholeFile;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.PublishedResult;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.Scale;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.LongColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Published rows and finished runs in one table, by scale, objective, size and class.
 *
 * @param rows sorted
 * @param begun runs that have not finished
 * @param passedOver files of runs that are not whole, and links that lead nowhere or in circles, by name
 */
public record LossTable(List<LossRow> rows, List<UnfinishedRun> begun, List<String> passedOver) {

    private static final String NAME = "loss-table";
    private static final String RUNS = "runs";
    private static final String SWEEPS = "sweeps";
    private static final List<String> SCALES = List.of(LossRow.PUBLISHED, "paper", "nano");
    private static final Comparator<LossRow> ORDER = Comparator
            .comparing((LossRow r) -> SCALES.indexOf(r.scale()))
            .thenComparing(LossRow::objective, Comparator.reverseOrder())
            .thenComparing(r -> ModelSize.ALL.indexOf(ModelSize.of(r.size())))
            .thenComparing(LossRow::budgetClass)
            .thenComparing(LossRow::tokens)
            .thenComparing(LossRow::learningRate, Comparator.nullsFirst(Comparator.naturalOrder()))
            .thenComparing(LossRow::seed, Comparator.nullsFirst(Comparator.naturalOrder()));

    /**
     * Takes every finished run under {@code runs} that is not finetuned into {@code results/runs} and reads all that
     * are there, so that the table keeps runs whose checkpoints are gone; a run made again replaces the one before it.
     * A run of other than default settings that has a row under {@code results/sweeps} stays there.
     */
    public static LossTable collect(Path runs, Path results) throws IOException {
        Set<String> passedOver = new TreeSet<>();
        Path kept = Folders.create(results.resolve(RUNS));
        Set<String> swept = Folders.files(results.resolve(SWEEPS), (row, e) -> passedOver.add(row.toString())).keySet()
                .stream().map(row -> row.getFileName().toString())
                .collect(Collectors.toSet());
        for (RunResult result : read(runs, "result.json", RunResult.class, passedOver).values()) {
            RunSpec spec = result.spec();
            if (!spec.isFinetuning() && (spec.withSeed(0).isDefault() || !swept.contains(spec.fileName()))) {
                Json.write(kept.resolve(spec.fileName()), result);
            }
        }
        List<UnfinishedRun> begun = UnfinishedRun.under(runs, passedOver);
        return new LossTable(rows(results, passedOver), begun, List.copyOf(passedOver));
    }

    /** Published rows and the runs under {@code results/runs}. */
    public static LossTable read(Path results) throws IOException {
        Set<String> passedOver = new TreeSet<>();
        return new LossTable(rows(results, passedOver), List.of(), List.copyOf(passedOver));
    }

    private static List<LossRow> rows(Path results, Set<String> passedOver) throws IOException {
        List<LossRow> rows = new ArrayList<>(PublishedResult.all().stream().map(LossRow::of).toList());
        read(results.resolve(RUNS), ".json", RunResult.class, passedOver).values().stream().map(LossRow::of)
                .forEach(rows::add);
        rows.sort(ORDER);
        return List.copyOf(rows);
    }

    /** All files of an ending that can be read; to {@code passedOver} come the names of the others. */
    static <T> Map<Path, T> read(Path folder, String ending, Class<T> type, Set<String> passedOver)
            throws IOException {
        Map<Path, T> read = new LinkedHashMap<>();
        Consumer<Path> passOver = file ->
                passedOver.add(folder.getFileName().resolve(folder.relativize(file)).toString());
        for (Path file : Folders.files(folder, (unread, e) -> passOver.accept(unread)).keySet()) {
            if (file.getFileName().toString().endsWith(ending)) {
                try {
                    read.put(file, Json.read(file, type));
                } catch (GerbilException | IOException e) {
                    passOver.accept(file);
                }
            }
        }
        return read;
    }

    /** The rows of one scale: {@code nano}, {@code paper} or {@code published}. */
    public List<LossRow> scale(String scale) {
        return rows.stream().filter(r -> r.scale().equals(scale)).toList();
    }

    /**
     * The runs of default settings, a matrix for each token set, since losses on different text cannot be compared; the
     * one with most runs first, and if there is none an empty one.
     */
    public List<LossMatrix> matrices(String scale, Objective objective) {
        Map<String, List<LossRow>> byData = scale(scale).stream()
                .filter(r -> r.objective().equals(objective.label()) && r.defaultSetting())
                .collect(Collectors.groupingBy(LossRow::data, LinkedHashMap::new, Collectors.toList()));
        if (byData.isEmpty()) {
            return List.of(new LossMatrix(scale, objective, "", List.of(), begun));
        }
        List<String> names = byData.values().stream().map(LossTable::corpus).toList();
        return byData.entrySet().stream().map(e -> new LossMatrix(scale, objective,
                corpus(e.getValue()) + (Collections.frequency(names, corpus(e.getValue())) > 1
                        ? ", token set " + e.getKey().substring(0, 8) : ""), e.getValue(),
                begun.stream().filter(run -> run.spec().data().equals(e.getKey())).toList()))
                .sorted(Comparator.comparing(matrix -> -matrix.rows().size())).toList();
    }

    private static String corpus(List<LossRow> rows) {
        return rows.get(0).corpus() + " in " + rows.get(0).vocabulary();
    }

    /** Our runs that stand in no matrix: of other learning rates, budgets, batches or mixtures. */
    public Table otherRuns() {
        return new LossTable(rows.stream().filter(r -> !r.defaultSetting()).toList(), begun, passedOver).table()
                .selectColumns("model", "corpus", "vocabulary", "seed", "learning_rate", "tokens", "heldout_loss",
                        "bits_per_byte", "training_loss", "training_loss_steps", "device").setName("Other runs");
    }

    /** All columns, unknown values missing. */
    public Table table() {
        return Table.create("Loss table",
                strings("model", LossRow::model), strings("scale", LossRow::scale),
                strings("objective", LossRow::objective), strings("size", LossRow::size),
                strings("class", LossRow::budgetClass), longs("parameters", LossRow::parameters),
                longs("tokens", LossRow::tokens), longs("batch_tokens", r -> (long) r.batchTokens()),
                doubles("heldout_loss", LossRow::heldoutLoss), doubles("bits_per_byte", LossRow::bitsPerByte),
                doubles("training_loss", LossRow::trainingLoss), strings("corpus", LossRow::corpus),
                strings("vocabulary", LossRow::vocabulary), strings("device", LossRow::device),
                doubles("wall_seconds", LossRow::wallSeconds), strings("code_version", LossRow::codeVersion),
                doubles("whole_run_loss", LossRow::wholeRunLoss), longs("seed", LossRow::seed),
                doubles("learning_rate", LossRow::learningRate), doubles("flops", LossRow::flops),
                longs("training_loss_steps", LossRow::trainingLossSteps),
                longs("device_memory", LossRow::deviceMemory));
    }

    /** The published losses and ours at paper scale, all of training: two columns for each class. */
    Table beside(LossMatrix ours) {
        LossMatrix published = matrices(LossRow.PUBLISHED, ours.objective()).get(0);
        List<ModelSize> sizes = ours.sizes();
        Table grid = Table.create(ours.toString(),
                StringColumn.create("size", sizes.stream().map(ModelSize::name).toList()));
        for (BudgetClass budgetClass : ours.classes()) {
            if (budgetClass.before().isEmpty()) {
                grid.addColumns(published.column(budgetClass + ", published", sizes, budgetClass,
                        LossRow::trainingLoss));
            }
            grid.addColumns(ours.column(budgetClass + ", ours", sizes, budgetClass, LossRow::trainingLoss));
        }
        return grid;
    }

    /** Writes {@code loss-table.csv} and {@code loss-table.md}. */
    public void write(Path results) throws IOException {
        StringWriter csv = new StringWriter();
        table().write().csv(csv);
        WholeFile.write(results.resolve(NAME + ".csv"), csv.toString());
        WholeFile.write(results.resolve(NAME + ".md"), markdown());
    }

    private String markdown() {
        StringBuilder text = new StringBuilder("""
                # Loss table

                Nats a token, of the runs in `results/runs` beside what was published. Held-out loss is on documents that
                training never saw. Training loss is the mean of the last steps: 1% of them, and at least 50 (column
                `training_loss_steps`; runs of before that rule have 1%). Of several seeds there are mean, standard
                deviation and number. A matrix holds the runs of default settings on one token set; a cell without a loss
                was not trained, or not announced. All others are under "Other runs". A* is a finished model of class A
                trained on to as many tokens in all as B.

                The published losses are training losses on the deduplicated Pile with GPT-2's vocabulary. A run on another
                corpus or vocabulary cannot be compared with them number by number; what can be compared is the order of
                classes and sizes.
                """);
        for (Objective objective : Objective.values()) {
            for (String scale : List.of(Scale.NANO.label(), Scale.PAPER.label())) {
                for (LossMatrix matrix : matrices(scale, objective)) {
                    if (!matrix.rows().isEmpty()) {
                        section(text, matrix + ": held-out loss", matrix.grid(LossRow::heldoutLoss));
                    }
                    section(text, matrix + ": training loss", scale.equals(Scale.PAPER.label()) ? beside(matrix)
                            : matrix.grid(LossRow::trainingLoss));
                }
            }
        }
        section(text, "Other runs", otherRuns());
        section(text, "Every row", table());
        return text.toString();
    }

    private static void section(StringBuilder text, String title, Table table) {
        text.append("\n## ").append(title).append("\n\n").append(markdown(table));
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
        rows.stream().map(value).forEach(column::append);
        return column;
    }

    private DoubleColumn doubles(String name, Function<LossRow, Double> value) {
        DoubleColumn column = DoubleColumn.create(name);
        rows.stream().map(value).forEach(column::append);
        return column;
    }
}
