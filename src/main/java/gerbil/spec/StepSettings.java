package gerbil.spec;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import gerbil.base.GerbilException;

/**
 * How a training step is computed on a device. It decides speed, memory and rounding, and so it is chosen once for a
 * run, recorded, and kept when the run is continued.
 *
 * @param path fused, kernels or plain
 * @param precision of the products; the plain path's is float32, the kernels' has 16 bits
 * @param microBatch sequences computed at once
 * @param headChunk tokens of whose logits the fused head makes a block at once
 * @param headBlock entries of the vocabulary in a block; 0 for all of them by a softmax in place
 * @param recompute whether the backward pass computes activations again instead of keeping them (Chen et al. 2016):
 *     less memory for more time
 * @param workers parts of the micro-batch, each of which a thread of the fused path computes by itself; 1 if operators
 *     are shared among threads instead
 */
@JsonIgnoreProperties("headGroup") // of runs recorded before there were blocks
public record StepSettings(TrainingPath path, Precision precision, int microBatch, int headChunk, int headBlock,
                           boolean recompute, int workers) {

    public StepSettings {
        // 0 in runs recorded before there were workers
        workers = workers == 0 ? 1 : workers;
        if (path == null || precision == null || microBatch < 1 || headChunk < 0 || headBlock < 0
                || workers < 1) {
            throw new GerbilException("a step of path " + path + ", precision " + precision + ", micro-batch "
                    + microBatch + ", head chunks of " + headChunk + " and " + headBlock + " and " + workers + " workers",
                    "a path, a precision, a micro-batch and workers of 1 or more, and chunks of 0 or more",
                    "restore run.json from a copy, or delete the run's directory and train again");
        }
    }

    /** These settings with another micro-batch. */
    public StepSettings withMicroBatch(int microBatch) {
        return new StepSettings(path, precision, microBatch, headChunk, headBlock, recompute, workers);
    }

    /** These settings with another number of workers. */
    public StepSettings withWorkers(int workers) {
        return new StepSettings(path, precision, microBatch, headChunk, headBlock, recompute, workers);
    }
}
