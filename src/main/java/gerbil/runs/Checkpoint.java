package gerbil.runs;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;
import gerbil.model.GptJ;
import gerbil.safetensors.SafeTensors;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A folder {@code step-NNNNNNN} with a model's weights, an optimizer's state and, written last, a manifest of their
 * checksums. Checkpoints of before there were manifests are marked by an empty file and checked less.
 *
 * @param folder of the checkpoint
 * @param step after which it was taken
 */
public record Checkpoint(Path folder, int step) {

    private static final String WEIGHTS = "weights.safetensors";
    private static final String OPTIMIZER = "moments.safetensors";
    private static final String MANIFEST = "manifest.json";
    private static final String OLDER_MARK = "complete";
    private static final String OLDER_STATE = "state.json";
    private static final String TEMPORARY = "next.tmp";
    private static final Pattern NAME = Pattern.compile("step-(\\d{7})");

    /**
     * What makes a checkpoint whole; an older one's has a step alone.
     *
     * @param metrics SHA-256 of the log's lines up to the step
     * @param files SHA-256 by name
     */
    private record Manifest(int step, String metrics, Map<String, String> files) {
    }

    /**
     * Saves a checkpoint under {@code checkpoints} and then removes older ones that are not to be kept.
     *
     * @param weights by parameter name
     * @param optimizer what the optimizer goes on from after {@code step}
     * @param metrics SHA-256 of the log's lines up to the step, which are on the disk
     */
    public static void save(Path checkpoints, int step, Map<String, NDArray> weights, Map<String, NDArray> optimizer,
                            String metrics, CheckpointPolicy policy) throws IOException {
        Path folder = checkpoints.resolve(String.format(Locale.ROOT, "step-%07d", step));
        Folders.create(checkpoints);
        Path temporary = checkpoints.resolve(TEMPORARY);
        WholeFile.write(temporary, folder, ignored -> {
            Folders.create(temporary);
            Map<String, String> files = new TreeMap<>();
            for (var file : Map.of(WEIGHTS, weights, OPTIMIZER, optimizer).entrySet()) {
                SafeTensors.write(temporary.resolve(file.getKey()), file.getValue());
                files.put(file.getKey(), Sha256.hex(temporary.resolve(file.getKey())));
            }
            Json.writeChecked(temporary.resolve(MANIFEST), new Manifest(step, metrics, files));
            WholeFile.delete(folder);
        });
        List<Checkpoint> all = all(checkpoints);
        for (Checkpoint old : all.subList(0, Math.max(0, all.size() - policy.keepLast()))) {
            if (policy.keepEvery() == 0 || old.step % policy.keepEvery() != 0) {
                // in one step too, so that what has the name of a checkpoint is one
                WholeFile.rename(old.folder, temporary);
                WholeFile.delete(temporary);
            }
        }
    }

    /** The newest checkpoint, if there is one. */
    static Optional<Checkpoint> latest(Path checkpoints) throws IOException {
        List<Checkpoint> all = all(checkpoints);
        return all.isEmpty() ? Optional.empty() : Optional.of(all.get(all.size() - 1));
    }

    /** The checkpoints, oldest first; whether they are whole is seen when one is used. */
    static List<Checkpoint> all(Path checkpoints) throws IOException {
        if (!Files.isDirectory(checkpoints)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(checkpoints)) {
            return folders.map(Checkpoint::at).flatMap(Optional::stream)
                    .sorted(Comparator.comparingInt(Checkpoint::step)).toList();
        }
    }

    /** The checkpoint that a folder is by its name. */
    static Optional<Checkpoint> at(Path folder) {
        Matcher name = NAME.matcher(String.valueOf(folder.getFileName()));
        return name.matches() ? Optional.of(new Checkpoint(folder, Integer.parseInt(name.group(1)))) : Optional.empty();
    }

    /**
     * The newest checkpoint whose files, and the metrics up to its step, are those that were saved. Newer ones are set
     * aside.
     *
     * @param note told of each that is set aside
     * @throws GerbilException if there are checkpoints and none is whole
     */
    static Optional<Checkpoint> newestWhole(Path checkpoints, Path metrics, Consumer<String> note)
            throws IOException {
        List<Checkpoint> all = all(checkpoints);
        List<String> damages = new ArrayList<>();
        for (int i = all.size() - 1; i >= 0; i--) {
            Checkpoint checkpoint = all.get(i);
            Optional<String> damage = damage(() -> checkpoint.requireWhole(metrics));
            if (damage.isEmpty()) {
                for (Checkpoint damaged : all.subList(i + 1, all.size())) {
                    note.accept("The run goes on from step " + checkpoint.step + ": the checkpoint of step "
                            + damaged.step + " is damaged, and kept as " + damaged.setAside() + ". "
                            + damages.remove(damages.size() - 1));
                }
                return Optional.of(checkpoint);
            }
            damages.add(damage.get());
        }
        if (!damages.isEmpty()) {
            throw new GerbilException("no checkpoint in " + checkpoints + " that is whole:\n"
                    + String.join("\n", damages) + "\n", "at least one",
                    "restore what is named from a copy, or delete the run's directory and train again");
        }
        return Optional.empty();
    }

    @FunctionalInterface
    private interface Check {

        void run() throws IOException;
    }

    /** What a check finds, if it finds anything; what the disk does not give back is lost too. */
    private static Optional<String> damage(Check check) throws ClosedByInterruptException {
        try {
            check.run();
            return Optional.empty();
        } catch (ClosedByInterruptException e) {
            throw e;
        } catch (GerbilException e) {
            return Optional.of(e.getMessage());
        } catch (IOException e) {
            return Optional.of(String.valueOf(e));
        }
    }

    private Path setAside() throws IOException {
        Path aside = folder.resolveSibling("damaged-" + folder.getFileName());
        WholeFile.delete(aside);
        WholeFile.rename(folder, aside);
        return aside;
    }

    private void requireWhole(Path metrics) throws IOException {
        requireFile(WEIGHTS);
        requireFile(OPTIMIZER);
        requireMetrics(metrics);
    }

    /**
     * @throws GerbilException if the metrics up to the step are not those that were there when it was saved
     */
    void requireMetrics(Path metrics) throws IOException {
        String expected = manifest().metrics;
        String found = MetricsLog.sha256(step, metrics);
        if (expected != null && !expected.equals(found)) {
            throw damaged(metrics, "another content up to step " + step + " than it had");
        }
    }

    /**
     * @throws GerbilException if a file is missing or not as it was saved
     */
    private void requireFile(String name) throws IOException {
        Path file = folder.resolve(name);
        Manifest manifest = manifest();
        if (Files.notExists(file)) {
            throw damaged(file, "no content, and not that which it had");
        }
        if (manifest.files == null) {
            SafeTensors.list(file);
        } else if (!Sha256.hex(file).equals(manifest.files.get(name))) {
            throw damaged(file, "another content than it had");
        }
    }

    /** Whether it is from before manifests. */
    boolean isOlder() {
        return Files.notExists(folder.resolve(MANIFEST)) && Files.exists(folder.resolve(OLDER_MARK));
    }

    private Manifest manifest() throws IOException {
        boolean older = isOlder();
        Path file = folder.resolve(older ? OLDER_STATE : MANIFEST);
        if (Files.notExists(file)) {
            throw damaged(file, "no content, and not that which it had");
        }
        Manifest manifest = older ? Json.read(file, Manifest.class) : Json.readChecked(file, Manifest.class);
        if (manifest.step != step || !older && (manifest.files == null || manifest.metrics == null)) {
            throw damaged(file, "step " + manifest.step + ", and not what it had");
        }
        return manifest;
    }

    private GerbilException damaged(Path file, String found) {
        return new GerbilException(file + " with " + found + " when the checkpoint of step " + step + " was saved",
                "the file as it was saved", "train again, of a finished run after deleting its result.json: that goes "
                + "on from the checkpoint before");
    }

    /**
     * Sets a model's weights.
     *
     * @throws GerbilException if they are not as they were saved, with the newest step before whose weights are
     */
    public void restore(GptJ model) throws IOException {
        if (damage(() -> requireFile(WEIGHTS)).isPresent()) {
            throw new GerbilException("a damaged checkpoint of step " + step + ", " + folder.resolve(WEIGHTS),
                    "weights as they were saved", wholeBefore().map(before -> "name that of step " + before.step
                    + ", which is whole: the run's name or folder with @" + before.step)
                    .orElse("restore it from a copy, or train again"));
        }
        try (NDManager scratch = model.manager().newSubManager()) {
            model.load(SafeTensors.read(folder.resolve(WEIGHTS), scratch));
        }
    }

    private Optional<Checkpoint> wholeBefore() throws IOException {
        List<Checkpoint> all = all(folder.getParent());
        for (int i = all.size() - 1; i >= 0; i--) {
            Checkpoint before = all.get(i);
            if (before.step < step && damage(() -> before.requireFile(WEIGHTS)).isEmpty()) {
                return Optional.of(before);
            }
        }
        return Optional.empty();
    }

    /** What the optimizer goes on from after {@link #step}. */
    public Map<String, NDArray> optimizer(NDManager manager) throws IOException {
        return SafeTensors.read(folder.resolve(OPTIMIZER), manager);
    }
}
