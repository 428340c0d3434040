package gerbil.train;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import gerbil.model.GptJ;
import gerbil.model.TrainingLoss;
import gerbil.objective.Batch;
import gerbil.objective.CausalSequences;
import gerbil.spec.GerbilException;

import java.nio.ByteBuffer;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Forward and backward pass over one batch in micro-batches, whose gradients add up to the batch's. */
final class TrainingStep {

    private static final Pattern OUT_OF_MEMORY = Pattern.compile("(?i)out of memory|can't allocate memory");

    private final TrainingLoss loss;
    private final GptJ model;
    private final NDManager manager;
    private int microBatch;
    private final ByteBuffer inputs;
    private final ByteBuffer targets;

    /**
     * @param microBatch sequences of one pass
     * @param length tokens of a sequence
     */
    TrainingStep(TrainingLoss loss, GptJ model, int microBatch, int length) {
        this.loss = loss;
        this.model = model;
        this.microBatch = microBatch;
        manager = model.manager();
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
     * @throws GerbilException if memory is too small for a single sequence
     */
    double backward(CausalSequences data, long first, int sequences) {
        while (true) {
            try {
                return passes(data, first, sequences);
            } catch (EngineException e) {
                microBatch = smaller(sequences, e);
                model.zeroGradients();
            }
        }
    }

    /** The micro-batch to go on with after an error: at most half of what did not fit into memory. */
    private int smaller(int sequences, EngineException error) {
        if (!OUT_OF_MEMORY.matcher(String.valueOf(error.getMessage())).find()) {
            throw error;
        }
        return IntStream.rangeClosed(1, microBatch / 2).filter(m -> sequences % m == 0).max()
                .orElseThrow(() -> new GerbilException("too little memory for one sequence of " + model.config(),
                        "room for the activations of one sequence",
                        "train a smaller size or shorter sequences, or free memory"));
    }

    /** Sequences of one pass. */
    int microBatch() {
        return microBatch;
    }

    private double passes(CausalSequences data, long first, int sequences) {
        double sum = 0;
        for (int done = 0; done < sequences; done += microBatch) {
            sum += backward(data.batch(first + done, microBatch), sequences);
        }
        return sum;
    }

    private double backward(Batch batch, int sequences) {
        Shape shape = new Shape(batch.sequences(), batch.length());
        int bytes = batch.inputs().length * Long.BYTES;
        inputs.clear().asLongBuffer().put(batch.inputs());
        targets.clear().asLongBuffer().put(batch.targets());
        try (NDScope ignored = new NDScope(); NDManager scratch = manager.newSubManager();
             GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            TrainingLoss.Value value = loss.of(scratch.create(inputs.limit(bytes), shape, DataType.INT64),
                    scratch.create(targets.limit(bytes), shape, DataType.INT64), 1f / (sequences * batch.length()));
            collector.backward(value.differentiable());
            return value.loss().getFloat();
        }
    }
}
