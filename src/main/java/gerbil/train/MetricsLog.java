package gerbil.train;

import gerbil.spec.Json;
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
    static MetricsLog continueAfter(int step, Path file) throws IOException {
        List<StepMetrics> kept = new ArrayList<>();
        if (Files.exists(file)) {
            List<String> lines = Files.readAllLines(file);
            for (String line : lines.subList(0, Math.min(step, lines.size()))) {
                kept.add(Json.parse(line, StepMetrics.class, file.toString()));
            }
        }
        Files.writeString(file, kept.stream().map(m -> Json.line(m) + "\n").collect(Collectors.joining()));
        return new MetricsLog(Files.newBufferedWriter(file, StandardOpenOption.APPEND), kept);
    }

    /** All steps of a log. */
    public static List<StepMetrics> read(Path file) throws IOException {
        return Files.readAllLines(file).stream().map(l -> Json.parse(l, StepMetrics.class, file.toString())).toList();
    }

    void add(StepMetrics metrics) throws IOException {
        steps.add(metrics);
        writer.write(Json.line(metrics));
        writer.newLine();
        writer.flush();
    }

    /** Mean loss over the last share of the steps, at least one: 0.01 or 1. */
    double meanLoss(double share) {
        int count = (int) Math.max(1, Math.round(share * steps.size()));
        return steps.subList(steps.size() - count, steps.size()).stream()
                .mapToDouble(StepMetrics::loss).average().orElseThrow();
    }

    /** Seconds spent in all steps. */
    double seconds() {
        double seconds = 0;
        long before = 0;
        for (StepMetrics m : steps) {
            seconds += (m.tokens() - before) / m.tokensPerSecond();
            before = m.tokens();
        }
        return seconds;
    }

    @Override
    public void close() throws IOException {
        writer.close();
    }
}
