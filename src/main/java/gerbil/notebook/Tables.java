package gerbil.notebook;

import gerbil.base.Units;
import gerbil.train.BudgetPlan;
import gerbil.train.Gpu;
import tech.tablesaw.api.DoubleColumn;
import tech.tablesaw.api.LongColumn;
import tech.tablesaw.api.StringColumn;
import tech.tablesaw.api.Table;
import tech.tablesaw.columns.Column;

import java.lang.reflect.RecordComponent;
import java.util.List;
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
        return of("Plan", Row.class, plans.stream().map(p -> new Row(p.spec().model(), p.spec().config().parameters(),
                p.spec().tokens(), p.epochs(), p.spec().steps(), p.spec().batchTokens(),
                p.accumulation() + " × " + p.settings().microBatch() + " × " + p.spec().sequenceLength(),
                Math.round(p.tokensPerSecond()),
                p.peakMemory().isPresent() ? OptionalLong.of(p.peakMemory().getAsLong() >> 20) : OptionalLong.empty(),
                p.seconds() / 60)).toList());
    }

    /**
     * How long runs take: on this device by the measured step; on GPUs an estimate, at {@link Gpu#ASSUMED_SHARE} of the
     * peak.
     */
    public static Table times(List<BudgetPlan> plans) {
        record Row(String model, String batch, String here, String t4Estimate, String rtx2060Estimate,
                   String rtx3060Estimate) {
        }
        return of("Time", Row.class, plans.stream().map(p -> new Row(p.spec().model(),
                Units.count(p.spec().batchTokens()) + " tokens", Units.seconds(p.seconds()), estimate(Gpu.T4, p),
                estimate(Gpu.RTX_2060, p), estimate(Gpu.RTX_3060, p))).toList());
    }

    private static String estimate(Gpu gpu, BudgetPlan plan) {
        return Units.seconds(gpu.seconds(plan.spec()));
    }

    private static Column<?> column(RecordComponent component, List<? extends Record> records) {
        List<Object> values = records.stream().map(r -> value(component, r)).toList();
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

    private static Object value(RecordComponent component, Record record) {
        try {
            component.getAccessor().setAccessible(true);
            return component.getAccessor().invoke(record);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
