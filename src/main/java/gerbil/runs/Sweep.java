package gerbil.runs;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Unchecked;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;

/**
 * Runs that answer one question. What has finished is kept as a row each, small enough to be committed, and a run with
 * a row is not trained again. Whoever has the same list of runs can read a sweep while others train it.
 *
 * @param specs none, to see what is {@linkplain #kept kept}, or more
 * @param runs folder of the run directories
 * @param rows folder of the rows, the runs' results as JSON
 */
public record Sweep(List<RunSpec> specs, Path runs, Path rows) {

    /** Of all sweeps' rows, below that of results. */
    static final String FOLDER = "sweeps";

    /**
     * How it stands with one of the runs.
     *
     * @param settings as {@link RunSpec#distinction} among those of the sweep
     * @param state as {@link RunDirectory#state}, also of a row that is not whole; "waiting" if it has not begun
     * @param heldOutLoss nats a token; empty if it has not finished
     * @param bitsPerByte the same in bits a byte of text
     */
    public record Row(String model, long seed, String settings, String state, OptionalDouble heldOutLoss,
                      OptionalDouble bitsPerByte) {
    }

    /**
     * The run's result if it has finished, as its row has it or else its directory, of which a row is made.
     *
     * @throws GerbilException if a file of the run is not whole
     */
    public Optional<RunResult> result(RunSpec spec) {
        Path row = rows.resolve(spec.fileName());
        try {
            if (Files.exists(row)) {
                return Optional.of(read(row));
            }
            Optional<RunResult> result = RunDirectory.of(runs, spec).result();
            if (result.isPresent()) {
                Folders.create(rows);
                Json.write(row, result.get());
            }
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RunResult read(Path row) {
        return Unchecked.io(() -> Json.read(row, RunResult.class));
    }

    /** The same; a run that has not finished is trained first. */
    public RunResult result(RunSpec spec, Supplier<RunResult> training) {
        return result(spec).orElseGet(() -> {
            training.get();
            return result(spec).orElseThrow();
        });
    }

    /** The results of the runs that have finished, in the order of the list. */
    public List<RunResult> results() {
        return specs.stream().flatMap(spec -> result(spec).stream()).toList();
    }

    /**
     * All rows that are kept, by the names of their files, also of runs that are not in the list.
     *
     * @throws GerbilException if one is not whole
     */
    public List<RunResult> kept() {
        return Unchecked.io(() -> Folders.files(rows).keySet().stream()
                .filter(file -> file.toString().endsWith(".json")).map(Sweep::read).toList());
    }

    /** A line for each run, in the order of the list. */
    public List<Row> table() {
        return specs.stream().map(spec -> {
            Optional<RunResult> result = Optional.empty();
            String state;
            try {
                result = result(spec);
                RunDirectory directory = RunDirectory.of(runs, spec);
                state = result.isPresent() ? RunDirectory.FINISHED
                        : Files.exists(directory.folder()) ? directory.state() : "waiting";
            } catch (GerbilException e) {
                state = RunDirectory.NOT_WHOLE + e.getMessage();
            }
            return new Row(spec.model(), spec.seed(), spec.distinction(specs), state,
                    result.map(r -> OptionalDouble.of(r.heldoutLoss())).orElse(OptionalDouble.empty()),
                    result.map(r -> OptionalDouble.of(r.bitsPerByte())).orElse(OptionalDouble.empty()));
        }).toList();
    }
}
