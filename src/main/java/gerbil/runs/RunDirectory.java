package gerbil.runs;

import ai.djl.ndarray.NDManager;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.ProcessLock;
import gerbil.base.Unchecked;
import gerbil.model.GptJ;
import gerbil.spec.Objective;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunRecord;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.StepSettings;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * One run's files: {@code run.json}, {@code metrics.jsonl}, {@code checkpoints/} and, when it has finished, {@code
 * result.json}; {@code lock}, which names the process that trains; {@code batches/}, if some stood out; of a detached
 * run {@code request.json} and {@code log.txt} too.
 */
public final class RunDirectory {

    /** The state of a run that is whole. */
    public static final String FINISHED = "finished";
    /** What the state of a run begins with whose files are damaged. */
    static final String NOT_WHOLE = "not whole: ";

    private static final String RUN = "run.json";
    private static final String REQUEST = "request.json";
    private static final String RESULT = "result.json";
    private static final List<String> FILES = List.of(RUN, REQUEST, RESULT);
    private static final String LOCK = "lock";
    /** What the lock says of a process that a signal makes save a checkpoint before it ends. */
    private static final String STOPS_ON_SIGNAL = "a signal stops it";

    private final Path folder;

    private RunDirectory(Path folder) {
        this.folder = folder;
    }

    /** Where a run of this specification lives: {@code runs/<model>/<run id>}. */
    public static RunDirectory of(Path runs, RunSpec spec) {
        return new RunDirectory(runs.resolve(spec.model()).resolve(spec.runId()));
    }

    /** A folder of one's own choice. */
    public static RunDirectory at(Path folder) {
        return new RunDirectory(folder);
    }

    /**
     * An existing run.
     *
     * @throws GerbilException if there is none in the folder
     */
    public static RunDirectory open(Path folder) {
        if (!Files.isRegularFile(folder.resolve(RUN))) {
            throw new GerbilException("no " + RUN + " in " + folder, "the directory of a run",
                    "name a directory under runs/, or train the model first");
        }
        return new RunDirectory(folder);
    }

    /** All directories under {@code runs} with files of a run, whole or not, and what may be one, by path. */
    static List<RunDirectory> all(Path runs) {
        try {
            Set<Path> folders = new TreeSet<>();
            Folders.files(runs, (unread, e) -> folders.add(unread)).keySet().stream()
                    .filter(f -> FILES.contains(f.getFileName().toString())).map(Path::getParent).forEach(folders::add);
            return folders.stream().map(RunDirectory::new).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * When the lock was taken, in milliseconds; of a run that is about to be started or has been brought here, when its
     * files came.
     */
    long started() {
        return Stream.of(LOCK, REQUEST, RUN).mapToLong(f -> folder.resolve(f).toFile().lastModified()).max()
                .orElseThrow();
    }

    /**
     * Takes the directory for a run: writes {@code run.json}, or finds the same run there.
     *
     * @param environment asked for only if the run is new
     * @return the record of the run as it was first started
     * @throws GerbilException if the directory belongs to another specification, with the fields that differ
     */
    public RunRecord claim(RunSpec spec, Supplier<RunEnvironment> environment) throws IOException {
        Path file = folder.resolve(RUN);
        if (!Files.exists(file)) {
            Folders.create(folder);
            RunRecord record = new RunRecord(spec, environment.get());
            Json.writeChecked(file, record);
            return record;
        }
        requireSame(spec, "choose another directory, or delete this one");
        return record();
    }

    /**
     * @param remedy what to do otherwise
     * @throws GerbilException if there is a run of another specification, with the fields that differ
     */
    public void requireSame(RunSpec spec, String remedy) {
        List<String> differences = Files.exists(folder.resolve(RUN)) ? Json.differences(record().spec(), spec)
                : List.of();
        if (!differences.isEmpty()) {
            throw new GerbilException("another run in " + folder + ", which differs from the one asked for in "
                    + String.join("; ", differences), "the same run", remedy);
        }
    }

    /** Notes where the run is continued, if it is not where it was trained before. */
    public void continueIn(RunEnvironment environment) throws IOException {
        RunRecord record = record();
        if (Stream.concat(Stream.of(record.environment()), record.continued().stream())
                .noneMatch(e -> e.differences(environment).isEmpty())) {
            Json.writeChecked(folder.resolve(RUN), record.continuedIn(environment));
        }
    }

    /** The run's folder. */
    public Path folder() {
        return folder;
    }

    /** What was run and where. */
    public RunRecord record() {
        return read(RUN, RunRecord.class);
    }

    /**
     * Takes the directory, which is made if it is missing, for the one process, and the one thread of it, that trains
     * here.
     *
     * @param stopsOnSignal whether a signal makes that process save a checkpoint before it ends
     * @throws GerbilException if a process, or another thread of this one, trains here
     */
    public ProcessLock lock(boolean stopsOnSignal) throws IOException {
        Folders.create(folder);
        return ProcessLock.take(folder.resolve(LOCK), stopsOnSignal ? STOPS_ON_SIGNAL : "").orElseThrow(this::held);
    }

    /** Who trains here now, if anybody does. */
    Optional<ProcessLock.Holder> holder() throws IOException {
        return ProcessLock.holder(folder.resolve(LOCK));
    }

    boolean stopsOnSignal() throws IOException {
        return holder().filter(holder -> holder.note().equals(STOPS_ON_SIGNAL)).isPresent();
    }

    /**
     * @throws GerbilException if a process trains here now; reading is always allowed
     */
    public void requireFree() {
        try {
            if (holder().isPresent()) {
                throw held();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private GerbilException held() {
        try {
            return new GerbilException("a run in " + folder + " that " + holder().map(ProcessLock.Holder::process)
                    .filter(process -> process > 0).map(process -> "process " + process).orElse("another process")
                    + " is training", "a run that nobody trains",
                    "watch it, or stop it first; of a notebook's run, interrupt the cell");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What is or will be run. */
    public RunSpec spec() {
        return Files.exists(folder.resolve(RUN)) ? record().spec() : request().spec();
    }

    /**
     * What a detached process is to train here.
     *
     * @throws GerbilException if nothing was asked for
     */
    public TrainingRequest request() {
        if (!Files.exists(folder.resolve(REQUEST))) {
            throw new GerbilException("no " + REQUEST + " in " + folder, "the directory of a detached run",
                    "name the directory of a run that was started in a process of its own");
        }
        return read(REQUEST, TrainingRequest.class);
    }

    /** Notes what a detached process is to train here. */
    public void request(TrainingRequest request) throws IOException {
        Folders.create(folder);
        Json.writeChecked(folder.resolve(REQUEST), request);
    }

    /** Where and on what the run was begun, if it has begun. */
    Optional<RunEnvironment> environment() {
        return Files.exists(folder.resolve(RUN)) ? Optional.of(record().environment()) : Optional.empty();
    }

    /** How the run's step is computed, if it has begun. */
    public Optional<StepSettings> settings() {
        return environment().map(RunEnvironment::step);
    }

    /** The result, if the run has finished. */
    public Optional<RunResult> result() {
        return Files.exists(folder.resolve(RESULT)) ? Optional.of(read(RESULT, RunResult.class)) : Optional.empty();
    }

    /** All steps so far; none if the run has not begun. */
    public List<StepMetrics> metrics() {
        return Unchecked.io(() -> Files.exists(metricsFile()) ? MetricsLog.read(metricsFile()) : List.of());
    }

    /**
     * The newest checkpoint.
     *
     * @throws GerbilException if there is none
     */
    Checkpoint requireCheckpoint() {
        return latestCheckpoint().orElseThrow(() -> new GerbilException("no checkpoint in " + folder, "at least one",
                "let the run train until its first checkpoint"));
    }

    /**
     * The checkpoint of a step.
     *
     * @throws GerbilException if there is none, naming those that are there
     */
    public Checkpoint requireCheckpoint(int step) {
        try {
            List<Checkpoint> kept = Checkpoint.all(checkpoints());
            return kept.stream().filter(c -> c.step() == step).findFirst().orElseThrow(() -> new GerbilException(
                    "step " + step + " of " + folder, "one of " + kept.stream().map(Checkpoint::step).toList()
                    + ", the checkpoints kept", "choose one of these steps"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The model of a checkpoint. */
    GptJ model(Checkpoint checkpoint, NDManager parent) {
        GptJ model = GptJ.empty(record().spec().config(), parent);
        try {
            checkpoint.restore(model);
            return model;
        } catch (IOException e) {
            model.close();
            throw new UncheckedIOException(e);
        }
    }

    /** What the run's model reads and writes; that of a Blender run has special tokens. */
    Vocabulary vocabulary() {
        RunSpec spec = record().spec();
        try {
            Vocabulary text = Vocabulary.saved(spec.vocabulary(), folder);
            return spec.objective() == Objective.BLENDER ? text.withSpecialTokens() : text;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Notes the result of the run, which has finished. */
    public void finish(RunResult result) throws IOException {
        Json.writeChecked(folder.resolve(RESULT), result);
    }

    /** {@code metrics.jsonl}: a line a step. */
    public Path metricsFile() {
        return folder.resolve("metrics.jsonl");
    }

    /** The folder of the texts of batches that stood out. */
    public Path batches() {
        return folder.resolve("batches");
    }

    /** The folder of the checkpoints. */
    public Path checkpoints() {
        return folder.resolve("checkpoints");
    }

    /**
     * The newest checkpoint that is whole; newer ones are set aside.
     *
     * @param note told of each that is set aside
     * @throws GerbilException if there are checkpoints and none is whole
     */
    public Optional<Checkpoint> wholeCheckpoint(Consumer<String> note) throws IOException {
        return Checkpoint.newestWhole(checkpoints(), metricsFile(), note);
    }

    /**
     * @throws GerbilException if the metrics are not those that were there when the newest checkpoint was saved
     */
    public void requireMetrics() throws IOException {
        Optional<Checkpoint> newest = latestCheckpoint();
        if (newest.isPresent()) {
            newest.get().requireMetrics(metricsFile());
        }
    }

    /** The newest checkpoint, if there is one. */
    public Optional<Checkpoint> latestCheckpoint() {
        return Unchecked.io(() -> Checkpoint.latest(checkpoints()));
    }

    /** How it stands with the run: {@link #FINISHED}, "training, step 3 of 448", or what is not whole. */
    public String state() {
        try {
            RunSpec spec = spec();
            int steps = metrics().size();
            if (result().isPresent()) {
                return latestCheckpoint().isPresent() ? FINISHED : FINISHED + ", without its checkpoints";
            }
            return String.format(Locale.ROOT, "%s, step %,d of %,d", holder().isPresent() ? "training" : "stopped",
                    steps, spec.steps());
        } catch (GerbilException | IOException | UncheckedIOException e) {
            return NOT_WHOLE + e.getMessage();
        }
    }

    /** The folder and {@link #state}. */
    @Override
    public String toString() {
        return folder + ": " + state();
    }

    /** The records of runs whose checkpoints have no manifests are from before checksums too. */
    private <T> T read(String file, Class<T> type) {
        return Unchecked.io(() -> latestCheckpoint().filter(Checkpoint::isOlder).isPresent()
                ? Json.read(folder.resolve(file), type) : Json.readChecked(folder.resolve(file), type));
    }
}
