package gerbil.seq2seq;

import com.fasterxml.jackson.annotation.JsonIgnore;
import gerbil.base.Json;
import gerbil.spec.OptimizerSettings;

/**
 * What a run is.
 *
 * @param base name of the model that has the architecture and, for a warm start, the weights
 * @param warm whether encoder and decoder begin with the base's weights, not with random ones
 * @param batchPairs pairs of one optimizer step
 * @param steps optimizer steps
 * @param learningRate peak; the other settings are {@link OptimizerSettings#withLearningRate}
 * @param seed of the initial weights and the pairs' order
 */
public record Seq2SeqSpec(String base, boolean warm, int batchPairs, int steps, double learningRate, long seed) {

    /** {@code Gerbil-A-92k, warm}. */
    @JsonIgnore
    public String name() {
        return base + (warm ? ", warm" : ", random");
    }

    /** Names the run's folder. */
    @JsonIgnore
    public String runId() {
        return "seed" + seed + "-" + Json.sha256(this).substring(0, 8);
    }
}
