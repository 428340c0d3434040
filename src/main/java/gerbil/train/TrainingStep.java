package gerbil.train;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import gerbil.model.GptJ;
import gerbil.model.TrainingLoss;
import gerbil.objective.Batch;
import gerbil.objective.Sequences;
import gerbil.spec.BlendedObjective;
import gerbil.spec.GerbilException;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
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
     */
    double backward(Sequences data, long first, int sequences) {
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
        double sum = 0;
        for (Batch batch : batches) {
            sum += backward(batch, NDArray::getFloat, (ids, targets) -> loss.of(ids, targets, 1f / learned));
        }
        return sum;
    }

    private double blenderPasses(List<Batch> batches, int learned) {
        double[] sums = new double[BlendedObjective.values().length];
        for (Batch batch : batches) {
            objectives.clear().asLongBuffer().put(batch.objectives());
            float[] losses = backward(batch, NDArray::toFloatArray, (ids, targets) -> loss.of(ids, targets,
                    array(ids.getManager(), objectives, batch), sums.length, 1f / learned));
            Arrays.setAll(sums, i -> sums[i] + losses[i]);
        }
        lossByObjective = new LinkedHashMap<>();
        for (BlendedObjective objective : BlendedObjective.values()) {
            int own = batches.stream().mapToInt(batch -> batch.learned(objective.ordinal())).sum();
            if (own > 0) {
                lossByObjective.put(objective.label(), sums[objective.ordinal()] * learned / own);
            }
        }
        return Arrays.stream(sums).sum();
    }

    private <T> T backward(Batch batch, Function<NDArray, T> read,
                           BiFunction<NDArray, NDArray, TrainingLoss.Value> forward) {
        inputs.clear().asLongBuffer().put(batch.inputs());
        targets.clear().asLongBuffer().put(batch.targets());
        try (NDScope ignored = new NDScope(); NDManager scratch = manager.newSubManager();
             GradientCollector collector = Engine.getInstance().newGradientCollector()) {
            TrainingLoss.Value value =
                    forward.apply(array(scratch, inputs, batch), array(scratch, targets, batch));
            collector.backward(value.differentiable());
            return read.apply(value.loss());
        }
    }

    private static NDArray array(NDManager scratch, ByteBuffer buffer, Batch batch) {
        return scratch.create(buffer.limit(batch.inputs().length * Long.BYTES),
                new Shape(batch.sequences(), batch.length()), DataType.INT64);
    }
}
