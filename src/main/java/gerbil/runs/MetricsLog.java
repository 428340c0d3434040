package gerbil.runs;

import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.WholeFile;
import gerbil.spec.StepMetrics;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** {@code metrics.jsonl}: one line a step, in order. */
public final class MetricsLog implements AutoCloseable {

    private final BufferedWriter writer;
    private final List<StepMetrics> steps;

    private MetricsLog(BufferedWriter writer, List<StepMetrics> steps) {
        this.writer = writer;
        this.steps = steps;
    }

    /** Opens a log to be continued after a step; lines of later steps, which a killed run may have left, are cut. */
    public static MetricsLog continueAfter(int step, Path file) throws IOException {
        List<StepMetrics> kept = new ArrayList<>();
        if (Files.exists(file)) {
            List<StepMetrics> all = read(file);
            kept.addAll(all.subList(0, Math.min(step, all.size())));
        }
        if (kept.size() < step) {
            throw new GerbilException(kept.size() + " steps in " + file, step + ", the steps of the checkpoint",
                    "restore the file, or delete the run's directory and train again");
        }
        WholeFile.write(file, kept.stream().map(m -> Json.line(m) + "\n").collect(Collectors.joining()));
        return new MetricsLog(Files.newBufferedWriter(file, StandardOpenOption.APPEND), kept);
    }

    /** All steps of a log; a last line that a killed run has not finished is passed over. */
    public static List<StepMetrics> read(Path file) throws IOException {
        String text = Files.readString(file);
        return text.substring(0, text.lastIndexOf('\n') + 1).lines()
                .map(l -> Json.parse(l, StepMetrics.class, file.toString())).toList();
    }

    /** Appends a step. */
    public void add(StepMetrics metrics) throws IOException {
        steps.add(metrics);
        writer.write(Json.line(metrics));
        writer.write('\n');
        writer.flush();
    }

    /** Mean loss of as many last steps, at least one. */
    public double meanLoss(int last) {
        return steps.subList(steps.size() - last, steps.size()).stream()
                .mapToDouble(StepMetrics::loss).average().orElseThrow();
    }

    /** Seconds spent in all steps. */
    public double seconds() {
        return StepMetrics.seconds(steps)[steps.size() - 1];
    }

    @Override
    public void close() throws IOException {
        writer.close();
    }
}
