package gerbil.spec;

/** What a run is and where it was started: {@code run.json}. */
public record RunRecord(RunSpec spec, RunEnvironment environment) {
}
