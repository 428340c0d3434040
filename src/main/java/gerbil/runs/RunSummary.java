package gerbil.runs;

import gerbil.base.GerbilException;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;

import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * A run as a line of a list; what is not known, or cannot be read, is empty.
 *
 * @param run its folder below that of all runs, by which it can be asked for
 * @param model {@code Gerbil-A-92k}
 * @param corpus its name
 * @param seed of weights and data
 * @param learningRate peak
 * @param tokens budget
 * @param heldOutLoss nats a token
 * @param started ISO 8601, UTC
 * @param state as {@link RunDirectory#state}
 */
public record RunSummary(String run, String model, String corpus, OptionalLong seed, OptionalDouble learningRate,
                         OptionalLong tokens, OptionalDouble heldOutLoss, String started, String state) {

    static RunSummary of(String name, RunDirectory run) {
        try {
            RunSpec spec = run.spec();
            Optional<RunEnvironment> environment = run.environment();
            Optional<RunResult> result = run.result();
            return new RunSummary(name, spec.model(), environment.map(RunEnvironment::corpus).orElse(""),
                    OptionalLong.of(spec.seed()), OptionalDouble.of(spec.optimizer().learningRate()),
                    OptionalLong.of(spec.tokens()),
                    result.isPresent() ? OptionalDouble.of(result.get().heldoutLoss()) : OptionalDouble.empty(),
                    environment.map(RunEnvironment::started).orElse(""), run.state());
        } catch (GerbilException | UncheckedIOException e) {
            return new RunSummary(name, "", "", OptionalLong.empty(), OptionalDouble.empty(), OptionalLong.empty(),
                    OptionalDouble.empty(), "", run.state());
        }
    }
}
