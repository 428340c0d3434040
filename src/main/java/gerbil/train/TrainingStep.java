package gerbil.train;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.model.TrainingLoss;
import gerbil.objective.Batch;
import gerbil.objective.Sequences;
import gerbil.spec.BlendedObjective;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Forward and backward pass over one batch in micro-batches, whose gradients add up to the batch's. */
final class TrainingStep {

    private static final Pattern OUT_OF_MEMORY = Pattern.compile("(?i)out of memory|can't allocate memory");

    private final TrainingLoss loss;
    private final GptJ model;
    private final NDManager manager;
    private int microBatch;
    private boolean recomputes;
    private final ByteBuffer inputs;
    private final ByteBuffer targets;
    private final ByteBuffer objectives;
    private Map<String, Double> lossByObjective;

    /**
     * @param microBatch sequences of one pass
     * @param length tokens of a sequence
     */
    TrainingStep(TrainingLoss loss, GptJ model, int microBatch, int length) {
        this.loss = loss;
        this.model = model;
        this.microBatch = microBatch;
        manager = model.manager();
        // one set of buffers for the whole run: a new one each step would only be freed when Java collects garbage
        inputs = manager.allocateDirect(microBatch * length * Long.BYTES);
        targets = manager.allocateDirect(microBatch * length * Long.BYTES);
        objectives = manager.allocateDirect(microBatch * length * Long.BYTES);
    }

    /**
     * Adds the gradient of the mean loss over a batch's learned targets to the parameters' gradients.
     *
     * @param first number of the batch's first sequence
     * @param sequences of the batch, a multiple of the micro-batch
     * @return the mean loss, nats a token
     * @throws GerbilException if memory is too small for a single sequence
     * @throws InterruptedStep if the thread is interrupted; the gradients are then as after {@link GptJ#zeroGradients}
     */
    double backward(Sequences data, long first, int sequences) {
        while (true) {
            try {
                return passes(data, first, sequences);
            } catch (EngineException e) {
                shrink(sequences, e);
                model.zeroGradients();
            }
        }
    }

    /**
     * Goes on with less memory after an error: with at most half of the micro-batch, or, where it is one sequence, with
     * activations that are computed again.
     */
    private void shrink(int sequences, EngineException error) {
        if (!OUT_OF_MEMORY.matcher(String.valueOf(error.getMessage())).find()) {
            throw error;
        }
        OptionalInt smaller = IntStream.rangeClosed(1, microBatch / 2).filter(m -> sequences % m == 0).max();
        if (smaller.isPresent()) {
            microBatch = smaller.getAsInt();
        } else if (loss.saveMemory()) {
            recomputes = true;
        } else {
            throw new GerbilException("too little memory for one sequence of " + model.config(),
                    "room for the activations of one sequence",
                    "train a smaller size or shorter sequences, or free memory");
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

    /** Mean loss of the last batch by objective, nats a token; null if the batch was causal. */
    Map<String, Double> lossByObjective() {
        return lossByObjective;
    }

    private double passes(Sequences data, long first, int sequences) {
        List<Batch> batches = new ArrayList<>();
        for (int done = 0; done < sequences; done += microBatch) {
            batches.add(data.batch(first + done, microBatch));
        }
        // micro-batches differ in how many targets they have, so each is weighed by the whole batch's
        int learned = batches.stream().mapToInt(Batch::learned).sum();
        return batches.get(0).objectives() == null ? causalPasses(batches, learned) : blenderPasses(batches, learned);
    }

    private double causalPasses(List<Batch> batches, int learned) {
        return sums(batches, 1, (batch, ids, targets) -> {
            TrainingLoss.Value value = loss.of(ids, targets, 1f / learned);
            return new TrainingLoss.Value(value.loss().reshape(1), value.differentiable());
        })[0];
    }

    private double blenderPasses(List<Batch> batches, int learned) {
        float[] sums = sums(batches, BlendedObjective.values().length, (batch, ids, targets) -> {
            objectives.clear().asLongBuffer().put(batch.objectives());
            return loss.of(ids, targets, array(ids.getManager(), objectives, batch), BlendedObjective.values().length,
                    1f / learned);
        });
        lossByObjective = new LinkedHashMap<>();
        for (BlendedObjective objective : BlendedObjective.values()) {
            int own = batches.stream().mapToInt(batch -> batch.learned(objective.ordinal())).sum();
            if (own > 0) {
                lossByObjective.put(objective.label(), (double) sums[objective.ordinal()] * learned / own);
            }
        }
        return IntStream.range(0, sums.length).mapToDouble(i -> sums[i]).sum();
    }

    /** Passes over the batches; their losses are added where they are made and read once. */
    private float[] sums(List<Batch> batches, int count, Forward forward) {
        try (NDManager results = manager.newSubManager()) {
            NDArray sums = results.zeros(new Shape(count));
            NDScope.unregister(sums);
            for (Batch batch : batches) {
                if (Thread.interrupted()) {
                    model.zeroGradients();
                    throw new InterruptedStep();
                }
                pass(batch, forward, sums);
            }
            return sums.toFloatArray();
        }
    }

    private void pass(Batch batch, Forward forward, NDArray sums) {
        inputs.clear().asLongBuffer().put(batch.inputs());
        targets.clear().asLongBuffer().put(batch.targets());
        try (NDScope ignored = new NDScope(); NDManager scratch = manager.newSubManager();
             GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            TrainingLoss.Value value =
                    forward.of(batch, array(scratch, inputs, batch), array(scratch, targets, batch));
            collector.backward(value.differentiable());
            sums.addi(value.loss().stopGradient());
        }
    }

    private interface Forward {

        TrainingLoss.Value of(Batch batch, NDArray ids, NDArray targets);
    }

    private static NDArray array(NDManager scratch, ByteBuffer buffer, Batch batch) {
        return scratch.create(buffer.limit(batch.inputs().length * Long.BYTES),
                new Shape(batch.sequences(), batch.length()), DataType.INT64);
    }
}
