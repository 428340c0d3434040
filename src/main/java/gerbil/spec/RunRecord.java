package gerbil.spec;

import java.util.Objects;

/** What a run is and where it was started: {@code run.json}. */
public record RunRecord(RunSpec spec, RunEnvironment environment) {

    public RunRecord {
        Objects.requireNonNull(spec, "spec");
        Objects.requireNonNull(environment, "environment");
    }
}
