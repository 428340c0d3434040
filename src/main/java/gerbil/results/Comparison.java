package gerbil.results;

import gerbil.base.GerbilException;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import org.apache.commons.math3.distribution.TDistribution;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Finished runs side by side. Those that differ in nothing but the seed are one group, and how far they are apart says
 * how large a difference between groups seeds alone make.
 *
 * @param groups two or more, or one of several seeds, in the order of the runs
 */
public record Comparison(List<Group> groups) {

    /** Of the differences that seeds alone make, the share that lies within what is given for them. */
    private static final double CONFIDENCE = 0.95;

    /**
     * Runs that differ in nothing but the seed.
     *
     * @param name the model's, and what tells it from other groups of the model
     * @param results of each seed
     */
    public record Group(String name, List<RunResult> results) {

        /** The losses of the seeds. */
        public LossCell cell() {
            return new LossCell(results.stream().map(LossRow::of).toList());
        }

        RunSpec spec() {
            return results.get(0).spec();
        }
    }

    /**
     * @param results of runs of equal specifications, which are the same run, the first counts
     * @throws GerbilException if there are fewer than two
     */
    public static Comparison of(List<RunResult> results) {
        Map<RunSpec, RunResult> runs = new LinkedHashMap<>();
        results.forEach(result -> runs.putIfAbsent(result.spec(), result));
        if (runs.size() < 2) {
            throw new GerbilException("fewer than two finished runs", "two or more to compare",
                    "train another, or name one more");
        }
        Map<RunSpec, List<RunResult>> bySpec = runs.values().stream().collect(Collectors.groupingBy(
                result -> result.spec().withoutSeed(), LinkedHashMap::new, Collectors.toList()));
        List<RunSpec> specs = List.copyOf(bySpec.keySet());
        return new Comparison(bySpec.entrySet().stream().map(group -> new Group(name(group.getKey(), specs),
                group.getValue())).toList());
    }

    private static String name(RunSpec spec, List<RunSpec> specs) {
        String distinction = spec.distinction(specs);
        return spec.model() + (distinction.isEmpty() ? "" : ", " + distinction);
    }

    /** Whether the losses are in nats a token; otherwise vocabularies differ, and they are in bits a byte of text. */
    public boolean inNats() {
        return groups.stream().map(group -> group.spec().vocabulary()).distinct().count() == 1;
    }

    /** What the losses are in. */
    public String unit() {
        return inNats() ? "nats a token" : "bits a byte";
    }

    /** What a reader has to know of the losses: why they are in bits a byte, or of different texts. */
    public List<String> notes() {
        List<String> notes = new ArrayList<>();
        if (!inNats()) {
            notes.add("The losses are in bits a byte of text, since a token is not the same text in each of the "
                    + "vocabularies " + values(result -> result.spec().vocabulary()) + ".");
        }
        List<String> texts = values(result -> result.environment().corpusHash());
        if (texts.size() > 1) {
            notes.add("The losses are of different texts, " + values(result -> result.environment().corpus())
                    + ", so that a difference says nothing of the models: train both on tokens of one corpus.");
        } else if (inNats() && values(result -> result.spec().heldoutData()).size() > 1) {
            notes.add("The losses are of different held-out documents of one corpus: train both on the same token set to "
                    + "compare them.");
        }
        return notes;
    }

    private List<String> values(Function<RunResult, String> value) {
        return groups.stream().map(group -> value.apply(group.results.get(0))).distinct().toList();
    }

    /** A row a group: seeds, and losses as mean and standard deviation over them. */
    public Table losses() {
        Table table = Table.create("Held-out loss", column("run", Group::name),
                column("seeds", group -> group.results.stream().map(result -> String.valueOf(result.spec().seed()))
                        .collect(Collectors.joining(", "))));
        if (inNats()) {
            table.addColumns(column("held-out loss", group -> group.cell().text(LossRow::heldoutLoss)),
                    column("training loss", group -> group.cell().text(LossRow::trainingLoss)));
        }
        return table.addColumns(column("bits a byte", group -> group.cell().text(LossRow::bitsPerByte)));
    }

    /** What differs in the specifications: a row a setting, a column a group; empty for one group. */
    public Table differences() {
        Map<String, List<String>> differences = RunSpec.differences(groups.stream().map(Group::spec).toList());
        Table table = Table.create("Specifications", StringColumn.create("setting", differences.keySet()));
        for (int i = 0; i < groups.size(); i++) {
            int group = i;
            table.addColumns(StringColumn.create(groups.get(i).name,
                    differences.values().stream().map(values -> values.get(group)).toList()));
        }
        return table;
    }

    /** How large a difference seeds alone make, in a sentence. */
    public String seeds() {
        return freedom() == 0 ? "No two of the runs differ in the seed alone, so how large a difference that makes is "
                + "not known: train each with other seeds." : number("Two runs that differ in the seed alone are at most "
                + "%.4f ", seedsAlone(1, 1)) + unit() + number(" apart in 95 of 100 cases (standard deviation %.4f).",
                deviation());
    }

    /** Runs beyond the first of each group, from which the deviation is estimated. */
    private int freedom() {
        return groups.stream().mapToInt(group -> group.results.size() - 1).sum();
    }

    /** Standard deviation over seeds, of all groups together. */
    private double deviation() {
        return Math.sqrt(groups.stream().filter(group -> group.results.size() > 1)
                .mapToDouble(group -> (group.results.size() - 1)
                        * Math.pow(group.cell().deviation(loss()).orElseThrow(), 2)).sum() / freedom());
    }

    /** Within which 95 % of the differences lie between the means of so many runs and of so many other ones. */
    private double seedsAlone(int runs, int others) {
        return new TDistribution(freedom()).inverseCumulativeProbability((1 + CONFIDENCE) / 2) * deviation()
                * Math.sqrt(1.0 / runs + 1.0 / others);
    }

    /**
     * Each group held against the first: the difference of the means; within which distance of 0 lie 95 % of the
     * differences of as many runs that differ in the seed alone (Student's t, of the variance that the groups have
     * together); and whether the difference is larger than that.
     */
    public Table significance() {
        record Row(String run, double difference, OptionalDouble seedsAlone) {
        }
        Group first = groups.get(0);
        List<Row> rows = groups.stream().skip(1).map(group -> new Row(group.name, mean(group) - mean(first),
                freedom() == 0 ? OptionalDouble.empty()
                        : OptionalDouble.of(seedsAlone(group.results.size(), first.results.size())))).toList();
        return Table.create("Held against " + first.name + " (" + unit() + ")",
                StringColumn.create("run", rows.stream().map(Row::run).toList()),
                StringColumn.create("difference", rows.stream().map(row -> number("%+.4f", row.difference)).toList()),
                StringColumn.create("seeds alone (95 %)", rows.stream().map(row -> row.seedsAlone.isPresent()
                        ? number("± %.4f", row.seedsAlone.getAsDouble()) : "not known").toList()),
                StringColumn.create("larger than seeds make", rows.stream().map(row -> row.seedsAlone.isEmpty()
                        ? "train more seeds" : Math.abs(row.difference) > row.seedsAlone.getAsDouble() ? "yes" : "no")
                        .toList()));
    }

    private double mean(Group group) {
        return group.cell().mean(loss()).orElseThrow();
    }

    private Function<LossRow, Double> loss() {
        return inNats() ? LossRow::heldoutLoss : LossRow::bitsPerByte;
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }

    private StringColumn column(String name, Function<Group, String> value) {
        return StringColumn.create(name, groups.stream().map(value).toList());
    }
}
