package gerbil.train;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import gerbil.model.TrainingLoss;
import gerbil.objective.Batch;
import gerbil.objective.CausalSequences;

import java.nio.ByteBuffer;

/** Forward and backward pass over one batch in micro-batches, whose gradients add up to the batch's. */
final class TrainingStep {

    private final TrainingLoss loss;
    private final NDManager manager;
    private final int microBatch;
    private final Shape shape;
    private final ByteBuffer inputs;
    private final ByteBuffer targets;

    /**
     * @param microBatch sequences of one pass
     * @param length tokens of a sequence
     */
    TrainingStep(TrainingLoss loss, NDManager manager, int microBatch, int length) {
        this.loss = loss;
        this.manager = manager;
        this.microBatch = microBatch;
        shape = new Shape(microBatch, length);
        // one pair of buffers for the whole run: a new one each step would only be freed when Java collects garbage
        inputs = manager.allocateDirect(microBatch * length * Long.BYTES);
        targets = manager.allocateDirect(microBatch * length * Long.BYTES);
    }

    /**
     * Adds the gradient of the mean loss over a batch to the parameters' gradients.
     *
     * @param first number of the batch's first sequence
     * @param sequences of the batch, a multiple of the micro-batch
     * @return the mean loss, nats a token
     */
    double backward(CausalSequences data, long first, int sequences) {
        double sum = 0;
        for (int done = 0; done < sequences; done += microBatch) {
            sum += backward(data.batch(first + done, microBatch), sequences);
        }
        return sum;
    }

    private double backward(Batch batch, int sequences) {
        inputs.clear().asLongBuffer().put(batch.inputs());
        targets.clear().asLongBuffer().put(batch.targets());
        try (NDScope ignored = new NDScope(); NDManager scratch = manager.newSubManager();
             GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            TrainingLoss.Value value = loss.of(scratch.create(inputs, shape, DataType.INT64),
                    scratch.create(targets, shape, DataType.INT64), 1f / (sequences * batch.length()));
            collector.backward(value.differentiable());
            return value.loss().getFloat();
        }
    }
}
