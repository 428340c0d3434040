package gerbil.spec;

import com.fasterxml.jackson.annotation.JsonInclude;

import java.util.List;
import java.util.Objects;

/**
 * What a finished run came to: {@code result.json}.
 *
 * @param spec what was run
 * @param environment where it was started
 * @param parameters exact number
 * @param tokens trained on, in whole batches
 * @param trainingLoss mean over the last {@code trainingLossSteps}, nats a token; how the published losses were
 *     averaged is unknown
 * @param wholeRunLoss mean over all steps, nats a token
 * @param heldoutLoss on documents that training never saw, nats a token
 * @param bitsPerByte the same in bits a byte of text
 * @param wallSeconds spent in training steps, all sittings added
 * @param trainingLossSteps as {@link RunSpec#trainingLossSteps}; 0 stands for 1% of the steps, as in results that do
 *     not say it
 * @param leftOut steps whose batch was left out, since its loss or its gradient was not a number
 * @param deviceMemory of a GPU, taken at most by the process of the last sitting, in bytes; null for a processor
 * @param continued where it was continued, as far as that differs; left out of the file if it is empty
 */
public record RunResult(RunSpec spec, RunEnvironment environment, long parameters, long tokens, double trainingLoss,
                        double wholeRunLoss, double heldoutLoss, double bitsPerByte, double wallSeconds,
                        int trainingLossSteps, int leftOut, Long deviceMemory,
                        @JsonInclude(JsonInclude.Include.NON_EMPTY) List<RunEnvironment> continued) {

    public RunResult {
        Objects.requireNonNull(spec, "spec");
        Objects.requireNonNull(environment, "environment");
        trainingLossSteps = trainingLossSteps > 0 ? trainingLossSteps
                : (int) Math.max(1, Math.round(0.01 * spec.steps()));
        continued = continued == null ? List.of() : List.copyOf(continued);
    }
}
