package gerbil.runs;

import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;

/**
 * What a detached process is asked to train: {@code request.json} in the run directory.
 *
 * @param spec of the run
 * @param tokens folder of its token sets
 * @param from folder of the base model, a run's or transformers'; null for random weights
 * @param settings how the step is computed; null to let the process choose
 * @param checkpointMinutes between checkpoints
 */
public record TrainingRequest(RunSpec spec, String tokens, String from, StepSettings settings, int checkpointMinutes) {
}
