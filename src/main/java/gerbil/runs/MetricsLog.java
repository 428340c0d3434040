package gerbil.runs;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;
import gerbil.spec.StepMetrics;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** {@code metrics.jsonl}: one line a step, in order. */
public final class MetricsLog implements AutoCloseable {

    /** What is written is ASCII; no byte is lost of what was damaged. */
    private static final Charset BYTES = StandardCharsets.ISO_8859_1;
    /** More than a million steps. */
    private static final long LARGEST = 1 << 28;

    /** Not a channel, which an interrupt would close. */
    private final FileOutputStream out;
    private final MessageDigest digest = Sha256.begin();
    private final List<StepMetrics> steps;

    private MetricsLog(FileOutputStream out, String text, List<StepMetrics> steps) {
        this.out = out;
        digest.update(text.getBytes(BYTES));
        this.steps = steps;
    }

    /**
     * Opens a log to be continued after a step; lines of later steps, which a killed run may have left, are cut.
     *
     * @throws GerbilException if a step is missing
     */
    public static MetricsLog continueAfter(int step, Path file) throws IOException {
        String text = first(step, file);
        List<StepMetrics> kept = parse(text, file);
        for (int i = 0; i < step; i++) {
            if (kept.get(i).step() != i + 1) {
                throw new GerbilException("step " + kept.get(i).step() + " in line " + (i + 1) + " of " + file,
                        "a line a step, in order", "restore the file, or delete the run's directory and train again");
            }
        }
        WholeFile.write(file, text);
        return new MetricsLog(new FileOutputStream(file.toFile(), true), text, new ArrayList<>(kept));
    }

    /** SHA-256 of the lines up to a step. */
    static String sha256(int step, Path file) throws IOException {
        return Sha256.hex(first(step, file).getBytes(BYTES));
    }

    private static String first(int step, Path file) throws IOException {
        String text = Files.exists(file) ? text(file) : "";
        int end = 0;
        for (int i = 0; i < step; i++) {
            end = text.indexOf('\n', end) + 1;
            if (end == 0) {
                throw new GerbilException(i + " steps in " + file, step + ", the steps of the checkpoint",
                        "restore the file, or delete the run's directory and train again");
            }
        }
        return text.substring(0, end);
    }

    /** All steps of a log; a last line that a killed run has not finished is passed over. */
    public static List<StepMetrics> read(Path file) throws IOException {
        String text = text(file);
        return parse(text.substring(0, text.lastIndexOf('\n') + 1), file);
    }

    private static String text(Path file) throws IOException {
        return Files.readString(Folders.requireFile(file, LARGEST), BYTES);
    }

    private static List<StepMetrics> parse(String lines, Path file) {
        return lines.lines().map(l -> Json.parse(l, StepMetrics.class, file.toString())).toList();
    }

    /** Appends a step. */
    public void add(StepMetrics metrics) throws IOException {
        byte[] line = (Json.line(metrics) + "\n").getBytes(BYTES);
        out.write(line);
        digest.update(line);
        steps.add(metrics);
    }

    /**
     * Waits until all steps so far are on the disk.
     *
     * @return SHA-256 of them
     */
    public String force() throws IOException {
        out.getFD().sync();
        try {
            return Sha256.hex((MessageDigest) digest.clone());
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException("Java's own SHA-256 can be cloned", e);
        }
    }

    /** All steps so far. */
    public List<StepMetrics> steps() {
        return Collections.unmodifiableList(steps);
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
