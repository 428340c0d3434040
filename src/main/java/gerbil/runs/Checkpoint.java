package gerbil.runs;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import gerbil.base.Folders;
import gerbil.base.Json;
import gerbil.base.WholeFile;
import gerbil.model.GptJ;
import gerbil.safetensors.SafeTensors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A folder {@code step-NNNNNNN} with a model's weights and an optimizer's state, whole and marked
 * complete.
 *
 * @param folder of the checkpoint
 * @param step after which it was taken
 */
public record Checkpoint(Path folder, int step) {

    private static final String WEIGHTS = "weights.safetensors";
    private static final String OPTIMIZER = "moments.safetensors";
    private static final String STATE = "state.json";
    private static final String TEMPORARY = "next.tmp";
    private static final String COMPLETE = "complete";
    private static final int KEPT = 2;

    private record State(int step) {
    }

    /**
     * Saves a checkpoint under {@code checkpoints} and removes all but the newest two.
     *
     * @param weights by parameter name
     * @param optimizer what the optimizer goes on from after {@code step}
     */
    public static void save(Path checkpoints, int step, Map<String, NDArray> weights, Map<String, NDArray> optimizer)
            throws IOException {
        Path folder = checkpoints.resolve(String.format(Locale.ROOT, "step-%07d", step));
        WholeFile.write(checkpoints.resolve(TEMPORARY), folder, temporary -> {
            Folders.create(temporary);
            SafeTensors.write(temporary.resolve(WEIGHTS), weights);
            SafeTensors.write(temporary.resolve(OPTIMIZER), optimizer);
            Json.write(temporary.resolve(STATE), new State(step));
            Files.writeString(temporary.resolve(COMPLETE), "");
            WholeFile.delete(folder);
        });
        List<Checkpoint> all = all(checkpoints);
        for (Checkpoint old : all.subList(0, Math.max(0, all.size() - KEPT))) {
            WholeFile.delete(old.folder);
        }
    }

    /** The newest complete checkpoint, if there is one. */
    static Optional<Checkpoint> latest(Path checkpoints) throws IOException {
        List<Checkpoint> all = all(checkpoints);
        return all.isEmpty() ? Optional.empty() : Optional.of(all.get(all.size() - 1));
    }

    /** The complete checkpoints, oldest first. */
    static List<Checkpoint> all(Path checkpoints) throws IOException {
        if (!Files.isDirectory(checkpoints)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(checkpoints)) {
            return folders.filter(f -> f.getFileName().toString().matches("step-\\d{7}"))
                    .filter(f -> Files.exists(f.resolve(COMPLETE)))
                    .map(f -> new Checkpoint(f, Integer.parseInt(f.getFileName().toString().substring(5))))
                    .sorted(Comparator.comparingInt(Checkpoint::step))
                    .toList();
        }
    }

    /** Sets a model's weights. */
    public void restore(GptJ model) throws IOException {
        try (NDManager scratch = model.manager().newSubManager()) {
            model.load(SafeTensors.read(folder.resolve(WEIGHTS), scratch));
        }
    }

    /** What the optimizer goes on from after {@link #savedStep}. */
    public Map<String, NDArray> optimizer(NDManager manager) throws IOException {
        return SafeTensors.read(folder.resolve(OPTIMIZER), manager);
    }

    /** The optimizer's step, as it was saved with its state. */
    public int savedStep() throws IOException {
        return Json.read(folder.resolve(STATE), State.class).step();
    }
}
