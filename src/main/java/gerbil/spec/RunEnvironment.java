package gerbil.spec;

import gerbil.base.Json;

import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * Where and on what a run was made: it decides speed and rounding, not the numbers.
 *
 * @param codeVersion version and commit of the kit
 * @param device "cpu" with the processor's name, or a GPU's with its memory, driver, CUDA version and compute
 *     capability; "gpu(0)" in the first runs on one
 * @param threads of the engine
 * @param engine name and version
 * @param java version
 * @param corpus name of the corpus
 * @param corpusHash of the corpus's provenance
 * @param step how the training step was computed
 * @param started ISO 8601, UTC
 */
public record RunEnvironment(String codeVersion, String device, int threads, String engine, String java,
                             String corpus, String corpusHash, StepSettings step, String started) {

    public RunEnvironment {
        Objects.requireNonNull(step, "step");
    }

    /** What may give other last bits in another environment: {@code threads: 1 and 2}. */
    public List<String> differences(RunEnvironment other) {
        return Json.differences(this, new RunEnvironment(other.codeVersion, other.device, other.threads, other.engine,
                other.java, corpus, corpusHash, step, started));
    }

    /** What differed where a run that began here went on: {@code , continued with threads: 1 and 2}, or nothing. */
    public String continuedWith(List<RunEnvironment> others) {
        return others.stream().map(other -> ", continued with " + String.join("; ", differences(other)))
                .collect(Collectors.joining());
    }
}
