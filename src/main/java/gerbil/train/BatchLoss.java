package gerbil.train;

import ai.djl.ndarray.NDArray;
import gerbil.spec.BlendedObjective;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** The loss of a batch, nats a token. It is read from the device, which is waited for, when it is first asked for. */
final class BatchLoss {

    private final NDArray sums;
    private final long[] learned;
    private float[] read;

    /**
     * @param sums of each group's losses over the batch's learned targets; closed when it has been read
     * @param learned targets of each group
     */
    BatchLoss(NDArray sums, long[] learned) {
        this.sums = sums;
        this.learned = learned;
    }

    /** Not yet read. */
    NDArray sums() {
        return sums;
    }

    private float[] read() {
        if (read == null) {
            read = sums.toFloatArray();
            sums.close();
        }
        return read;
    }

    /** Over all targets that are learned. */
    double mean() {
        return IntStream.range(0, learned.length).mapToDouble(group -> read()[group]).sum();
    }

    /** The means of a Blender batch by the objectives that have targets. */
    Map<String, Double> byObjective() {
        long all = LongStream.of(learned).sum();
        Map<String, Double> losses = new LinkedHashMap<>();
        for (BlendedObjective objective : BlendedObjective.values()) {
            int group = objective.ordinal();
            if (learned[group] > 0) {
                losses.put(objective.label(), (double) read()[group] * all / learned[group]);
            }
        }
        return losses;
    }
}
