package gerbil.notebook;

import gerbil.base.Units;
import gerbil.train.BudgetPlan;
import gerbil.train.Gpu;
import gerbil.train.StepTuning;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.LongColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.columns.Column;

import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** The kit's records as tablesaw tables: a table that ends a cell appears. */
public final class Tables {

    private Tables() {
    }

    /**
     * A row for each record, a column for each of its components; what is empty is missing.
     *
     * @param name of the table
     */
    public static <R extends Record> Table of(String name, Class<R> type, List<R> records) {
        Table table = Table.create(name);
        for (RecordComponent component : type.getRecordComponents()) {
            table.addColumns(column(component, records));
        }
        return table;
    }

    /** What runs will take on this device, a row each. */
    public static Table plans(List<BudgetPlan> plans) {
        record Row(String model, long parameters, long tokens, double epochs, int steps, int batchTokens,
                   String microBatches, long tokensPerSecond, OptionalLong memoryMiB, double minutes) {
        }
        return warned(plans, of("Plan", Row.class, plans.stream().map(p -> new Row(p.spec().model(),
                p.spec().config().parameters(), p.spec().tokens(), p.epochs(), p.spec().steps(), p.spec().batchTokens(),
                p.accumulation() + " × " + p.settings().microBatch() + " × " + p.spec().sequenceLength(),
                Math.round(p.tokensPerSecond()),
                p.peakMemory().isPresent() ? OptionalLong.of(p.peakMemory().getAsLong() >> 20) : OptionalLong.empty(),
                p.seconds() / 60)).toList()));
    }

    /**
     * How long runs take: on this device by the measured step; on GPUs an estimate, at {@link Gpu#ASSUMED_SHARE} of the
     * peak, with the sequences at once that there is memory for. A card's memory is counted, for one sequence and for
     * as many as are tried first.
     */
    public static Table times(List<BudgetPlan> plans) {
        record Row(String model, String batch, String here, String t4Estimate, String rtx2060Estimate,
                   String rtx3060Estimate, String cardMemory) {
        }
        return warned(plans, of("Time", Row.class, plans.stream().map(p -> new Row(p.spec().model(),
                Units.count(p.spec().batchTokens()) + " tokens", Units.seconds(p.seconds()), estimate(Gpu.T4, p),
                estimate(Gpu.RTX_2060, p), estimate(Gpu.RTX_3060, p), String.format(Locale.ROOT, "%.1f to %.1f GB",
                Gpu.memory(p.spec(), 1) / 1e9, Gpu.memory(p.spec(), StepTuning.gpuMicroBatch(p.spec())) / 1e9)))
                .toList()));
    }

    private static String estimate(Gpu gpu, BudgetPlan plan) {
        int sequences = gpu.microBatch(plan.spec());
        return sequences == 0 ? "does not fit"
                : Units.seconds(gpu.seconds(plan.spec())) + ", " + sequences + " at once";
    }

    /** The table with what is wrong with plans beside them, if anything is. */
    private static Table warned(List<BudgetPlan> plans, Table table) {
        return plans.stream().allMatch(plan -> plan.warning().isEmpty()) ? table : table.addColumns(
                StringColumn.create("warning", plans.stream().map(plan -> plan.warning().orElse("")).toList()));
    }

    private static Column<?> column(RecordComponent component, List<? extends Record> records) {
        List<Object> values = records.stream().map(r -> Reflection.invoke(component.getAccessor(), r)).toList();
        Class<?> type = component.getType();
        if (type == int.class || type == long.class || type == OptionalLong.class) {
            LongColumn column = LongColumn.create(component.getName());
            for (Object value : values) {
                if (value instanceof OptionalLong optional) {
                    optional.ifPresentOrElse(column::append, column::appendMissing);
                } else {
                    column.append(((Number) value).longValue());
                }
            }
            return column;
        }
        if (type == double.class || type == OptionalDouble.class) {
            DoubleColumn column = DoubleColumn.create(component.getName());
            values.forEach(v -> column.append(v instanceof OptionalDouble o ? o.orElse(Double.NaN) : (double) v));
            return column;
        }
        return StringColumn.create(component.getName(),
                values.stream().map(v -> v == null ? "" : v.toString()).toList());
    }
}
