package gerbil.train;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.model.TrainingLoss;
import gerbil.objective.Batch;
import gerbil.objective.Sequences;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Forward and backward pass over one batch in micro-batches, whose gradients add up to the batch's. */
final class TrainingStep {

    private final TrainingLoss loss;
    private final GptJ model;
    private int microBatch;
    private boolean recomputes;
    private final ByteBuffer inputs;
    private final ByteBuffer targets;
    private final ByteBuffer groups;

    /**
     * @param microBatch sequences of one pass
     * @param length tokens of a sequence
     */
    TrainingStep(TrainingLoss loss, GptJ model, int microBatch, int length) {
        this.loss = loss;
        this.model = model;
        this.microBatch = microBatch;
        // one set of buffers for the whole run: a new one each step would only be freed when Java collects garbage
        inputs = model.manager().allocateDirect(microBatch * length * Long.BYTES);
        targets = model.manager().allocateDirect(microBatch * length * Long.BYTES);
        groups = model.manager().allocateDirect(microBatch * length * Long.BYTES);
    }

    /**
     * Adds the gradient of the mean loss over a batch's learned targets to the parameters' gradients.
     *
     * @param first number of the batch's first sequence
     * @param sequences of the batch, a multiple of the micro-batch
     * @throws GerbilException if memory is too small for a single sequence
     * @throws InterruptedStep if the thread is interrupted; the gradients are then as after {@link GptJ#zeroGradients}
     */
    BatchLoss backward(Sequences data, long first, int sequences) {
        while (true) {
            try {
                return accumulate(data, first, sequences);
            } catch (EngineException e) {
                shrink(sequences, e);
                model.zeroGradients();
            }
        }
    }

    private BatchLoss accumulate(Sequences data, long first, int sequences) {
        List<Batch> batches = IntStream.range(0, sequences / microBatch)
                .mapToObj(pass -> data.batch(first + (long) pass * microBatch, microBatch)).toList();
        // micro-batches differ in how many targets they have, so each is weighed by the whole batch's
        long[] learned = LongStream.range(0, data.groups())
                .map(group -> batches.stream().mapToInt(batch -> batch.learned(group)).sum()).toArray();
        float scale = 1f / LongStream.of(learned).sum();
        NDArray sums = model.manager().zeros(new Shape(data.groups()));
        NDScope.unregister(sums);
        for (Batch batch : batches) {
            if (Thread.interrupted()) {
                model.zeroGradients();
                throw new InterruptedStep();
            }
            try (NDScope ignored = new NDScope(); NDManager scratch = model.manager().newSubManager()) {
                Shape shape = new Shape(batch.sequences(), batch.length());
                sums.addi(loss.accumulate(array(scratch, inputs, batch.inputs(), shape),
                        array(scratch, targets, batch.targets(), shape),
                        array(scratch, groups, batch.groups(), shape), data.groups(), scale));
            }
        }
        return new BatchLoss(sums, learned);
    }

    private static NDArray array(NDManager scratch, ByteBuffer buffer, long[] values, Shape shape) {
        buffer.clear().asLongBuffer().put(values);
        return scratch.create(buffer.limit(values.length * Long.BYTES), shape, DataType.INT64);
    }

    /**
     * Goes on with less memory after an error: with at most half of the micro-batch, or, where it is one sequence, with
     * activations that are computed again.
     */
    private void shrink(int sequences, EngineException error) {
        if (!EngineFailure.isOutOfMemory(error)) {
            throw error;
        }
        if (model.manager().getDevice().isGpu()) {
            // cuBLAS and cuDNN take theirs past PyTorch's allocator, which keeps what it has freed
            JniUtils.emptyCudaCache();
        }
        OptionalInt smaller = IntStream.rangeClosed(1, microBatch / 2).filter(m -> sequences % m == 0).max();
        if (smaller.isPresent()) {
            microBatch = smaller.getAsInt();
        } else if (loss.saveMemory()) {
            recomputes = true;
        } else {
            throw new GerbilException("too little memory for one sequence of " + model.config()
                    + Hardware.room(model.config()),
                    "room for the activations of one sequence",
                    "train a smaller size or shorter sequences, or free memory", error);
        }
    }

    /** Sequences of one pass. */
    int microBatch() {
        return microBatch;
    }

    /** Whether memory became so short that activations are computed again. */
    boolean recomputes() {
        return recomputes;
    }
}
