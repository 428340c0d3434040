package gerbil.spec;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * What a run is and where it was trained: {@code run.json}.
 *
 * @param environment where it was started
 * @param continued where it was continued, as far as that differs
 */
public record RunRecord(RunSpec spec, RunEnvironment environment, List<RunEnvironment> continued) {

    public RunRecord {
        Objects.requireNonNull(spec, "spec");
        Objects.requireNonNull(environment, "environment");
        continued = continued == null ? List.of() : List.copyOf(continued);
    }

    /** A run in one environment. */
    public RunRecord(RunSpec spec, RunEnvironment environment) {
        this(spec, environment, List.of());
    }

    /** This run, continued in another environment. */
    public RunRecord continuedIn(RunEnvironment other) {
        return new RunRecord(spec, environment, Stream.concat(continued.stream(), Stream.of(other)).toList());
    }
}
