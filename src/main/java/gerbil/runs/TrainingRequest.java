package gerbil.runs;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;

import java.util.Objects;

/**
 * What a detached process is asked to train: {@code request.json} in the run directory.
 *
 * @param spec of the run
 * @param tokens folder of its token sets
 * @param from folder of the base model, a run's or transformers'; null for random weights
 * @param settings how the step is computed; null to let the process choose
 * @param checkpoints when they are saved and which are kept; null for the default
 */
@JsonIgnoreProperties("checkpointMinutes") // of requests made before there was more to ask for
public record TrainingRequest(RunSpec spec, String tokens, String from, StepSettings settings,
                              CheckpointPolicy checkpoints) {

    public TrainingRequest {
        Objects.requireNonNull(spec, "spec");
        Objects.requireNonNull(tokens, "tokens");
        checkpoints = checkpoints == null ? CheckpointPolicy.DEFAULT : checkpoints;
    }
}
