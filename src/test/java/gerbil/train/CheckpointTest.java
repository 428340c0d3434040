package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import gerbil.base.WholeFile;
import gerbil.hub.LanguageModel;
import gerbil.runs.CheckpointPolicy;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.runs.TrainingRequest;
import gerbil.safetensors.SafeTensors;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** Damage to a run's files is noticed, and costs no more than the way back to the checkpoint before. */
class CheckpointTest {

    private static final int STEPS = 8;
    private static final int STOPPED = 6;
    private static final int FLIPS = 300;
    private static final String WEIGHTS = "weights.safetensors";
    private static final String MOMENTS = "moments.safetensors";
    private static final String MANIFEST = "manifest.json";

    @TempDir
    private static Path shared;
    private static PreparedTokens tokens;
    private static RunSpec spec;
    private static RunDirectory whole;
    private static RunDirectory stopped;

    @TempDir
    private Path folder;
    private RunDirectory directory;
    private final List<String> notes = new ArrayList<>();

    /** A whole run, and one with checkpoints of steps 5 and 6. */
    @BeforeAll
    static void train() {
        tokens = TestTokens.prepare(shared, 40_000);
        spec = SmallRun.of(tokens, STEPS);
        whole = RunDirectory.at(shared.resolve("whole"));
        stopped = RunDirectory.at(shared.resolve("stopped"));
        trainer(whole, TrainingListener.NONE, "1").run();
        interruptAt(STOPPED, stopped, CheckpointPolicy.parse("1", 2, 0));
    }

    private static Trainer trainer(RunDirectory run, TrainingListener listener, String every) {
        return trainer(run, listener, CheckpointPolicy.parse(every, 2, 0));
    }

    private static Trainer trainer(RunDirectory run, TrainingListener listener, CheckpointPolicy policy) {
        return new Trainer(spec, tokens, run, () -> SmallRun.settings(TrainingPath.FUSED, 2), listener, policy);
    }

    private static void interruptAt(int step, RunDirectory run, CheckpointPolicy policy) {
        assertThrows(GerbilException.class, () -> trainer(run, (metrics, steps) -> {
            if (metrics.step() == step) {
                Thread.currentThread().interrupt();
            }
        }, policy).run());
    }

    @BeforeEach
    void copyTheStoppedRun() throws IOException {
        directory = copy(stopped);
    }

    private RunDirectory copy(RunDirectory run) throws IOException {
        Path copy = folder.resolve("run");
        WholeFile.delete(copy);
        try (Stream<Path> files = Files.walk(run.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(run.folder().relativize(file).toString()));
            }
        }
        return RunDirectory.at(copy);
    }

    private Path checkpoint(int step) {
        return directory.checkpoints().resolve("step-000000" + step);
    }

    private Path checkpoint(int step, String file) {
        return checkpoint(step).resolve(file);
    }

    private List<String> checkpoints() throws IOException {
        try (Stream<Path> list = Files.list(directory.checkpoints())) {
            return list.map(f -> f.getFileName().toString()).sorted().toList();
        }
    }

    private static void edit(Path file, String from, String to) throws IOException {
        String text = Files.readString(file);
        assertTrue(text.contains(from), text);
        Files.writeString(file, text.replace(from, to));
    }

    private static void removeChecksum(Path file) throws IOException {
        String text = Files.readString(file);
        String without = text.replaceFirst(",\\s*\"checksum\" : \"\\w+\"", "");
        assertFalse(text.equals(without), text);
        Files.writeString(file, without);
    }

    private final class Noting implements TrainingListener {

        private int first;

        @Override
        public void step(StepMetrics metrics, int steps) {
            first = first == 0 ? metrics.step() : first;
        }

        @Override
        public void note(String sentence) {
            notes.add(sentence);
        }
    }

    /** Trains on to the end; the first step is the one after the checkpoint. */
    private void assertEndsAsTheWholeRun(int firstStep) throws IOException {
        Noting noting = new Noting();
        RunResult result = trainer(directory, noting, "1h").run();
        assertEquals(firstStep, noting.first);
        for (String file : List.of(WEIGHTS, MOMENTS)) {
            assertEquals(-1, Files.mismatch(whole.checkpoints().resolve("step-000000" + STEPS).resolve(file),
                    checkpoint(STEPS, file)), file);
        }
        assertEquals(whole.result().orElseThrow().heldoutLoss(), result.heldoutLoss());
        assertEquals(whole.result().orElseThrow().wholeRunLoss(), result.wholeRunLoss());
    }

    private String refusal() {
        return refusal(() -> trainer(directory, new Noting(), "1h").run());
    }

    private static String refusal(Executable action) {
        return assertThrows(GerbilException.class, action).getMessage();
    }

    private void assertGoesBack(Path named) throws IOException {
        assertEndsAsTheWholeRun(STOPPED);
        assertEquals(1, notes.size());
        assertTrue(notes.get(0).contains("goes on from step 5: the checkpoint of step 6 is damaged, and kept as "
                + directory.checkpoints().resolve("damaged-step-0000006")) && notes.get(0).contains(named.toString()),
                notes.get(0));
        assertTrue(checkpoints().contains("damaged-step-0000006"));
    }

    private interface Damage {

        void to(Path checkpoint) throws IOException;
    }

    private void assertGoesBack(Damage damage, String named) throws IOException {
        damage.to(checkpoint(STOPPED));
        assertGoesBack(checkpoint(STOPPED, named));
        notes.clear();
        copyTheStoppedRun();
    }

    @Test
    void theCheckpointBeforeADamagedOneIsUsedAndTheDamagedOneKept() throws IOException {
        assertGoesBack(c -> Files.write(c.resolve(WEIGHTS), new byte[10]), WEIGHTS);
        assertGoesBack(c -> Files.delete(c.resolve(MOMENTS)), MOMENTS);
        assertGoesBack(c -> Files.write(c.resolve(MOMENTS),
                Files.readAllBytes(c.resolveSibling("step-0000005").resolve(MOMENTS))), MOMENTS);
        assertGoesBack(c -> Files.delete(c.resolve(MANIFEST)), MANIFEST);
        assertGoesBack(c -> removeChecksum(c.resolve(MANIFEST)), MANIFEST);
        assertGoesBack(c -> {
            Files.delete(c.resolve(WEIGHTS));
            Files.createDirectory(c.resolve(WEIGHTS)); // a file that cannot be read
        }, WEIGHTS);
        for (String text : List.of("", "{}", "null", "-5", "[")) {
            assertGoesBack(c -> Files.writeString(c.resolve(MANIFEST), text), MANIFEST);
        }
        edit(directory.metricsFile(), "{\"step\":6,", "{\"step\":6 ,");
        assertGoesBack(directory.metricsFile());
    }

    @Test
    void aCheckpointThatIsMovedIsNotThatOfAnotherStep() throws IOException {
        Files.move(checkpoint(6), directory.checkpoints().resolve("step-9999999"));
        assertEndsAsTheWholeRun(6);
        assertTrue(checkpoints().contains("damaged-step-9999999"));
    }

    @Test
    void whereNoneIsWholeEachIsNamed() throws IOException {
        for (int step : new int[] {5, 6}) {
            Files.write(checkpoint(step, WEIGHTS), new byte[10]);
        }
        String message = refusal();
        assertTrue(message.contains(checkpoint(5, WEIGHTS).toString())
                && message.contains(checkpoint(6, WEIGHTS).toString()), message);
        assertEquals(List.of("step-0000005", "step-0000006"), checkpoints());
    }

    @Test
    void changedMetricsAreNoticed() throws IOException {
        String lines = Files.readString(directory.metricsFile());
        String first = lines.substring(0, lines.indexOf('\n') + 1);
        for (String changed : List.of(first + lines, lines.substring(first.length()),
                lines.replaceFirst("\\.", ".1"))) {
            Files.writeString(directory.metricsFile(), changed);
            String message = refusal();
            assertTrue(message.contains(directory.metricsFile().toString()) && message.contains("restore"), message);
        }
    }

    @Test
    void changedRecordsAreNoticed() throws IOException {
        edit(directory.folder().resolve("run.json"), "\"headChunk\" : 64", "\"headChunk\" : 32");
        String message = refusal();
        assertTrue(message.contains("run.json with another content than its checksum's"), message);

        directory = copy(whole);
        edit(directory.folder().resolve("result.json"), "\"heldoutLoss\" : ", "\"heldoutLoss\" : 1");
        message = refusal();
        assertTrue(message.contains("result.json with another content than its checksum's"), message);
    }

    @Test
    void recordsWithoutTheirChecksumsAreNoticed() throws IOException {
        removeChecksum(directory.folder().resolve("run.json"));
        assertTrue(refusal().contains("run.json without its checksum"), refusal());

        directory = copy(whole);
        removeChecksum(directory.folder().resolve("result.json"));
        assertTrue(refusal().contains("result.json without its checksum"), refusal());

        directory.request(new TrainingRequest(spec, "tokens", null, null, null));
        removeChecksum(directory.folder().resolve("request.json"));
        assertTrue(refusal(directory::request).contains("request.json without its checksum"));
    }

    /** Of every file, in a run that was stopped and in one that has finished. */
    @Test
    void aFlippedBitIsNoticedOrHasNoEffect() throws IOException {
        Random random = new Random(18);
        int without = 0;
        for (int i = 0; i < FLIPS; i++) {
            RunDirectory source = i % 2 == 0 ? stopped : whole;
            directory = copy(source);
            List<Path> files;
            try (Stream<Path> all = Files.walk(directory.folder())) {
                files = all.filter(f -> Files.isRegularFile(f) && !f.endsWith("lock")).sorted().toList();
            }
            Path file = files.get(random.nextInt(files.size()));
            byte[] bytes = Files.readAllBytes(file);
            int bit = random.nextInt(8 * bytes.length);
            bytes[bit / 8] ^= (byte) (1 << bit % 8);
            Files.write(file, bytes);
            notes.clear();
            boolean noticed = source == stopped ? isNoticedByATrainer() : isNoticedByAReader();
            String what = "bit " + bit + " of " + folder.relativize(file);
            if (!noticed) {
                without++;
                assertFalse(file.toString().endsWith(WEIGHTS) && file.toString().contains("step-000000"
                        + (source == stopped ? STOPPED : STEPS)), what);
                assertSameNumbers(source, what);
            }
        }
        assertTrue(without < FLIPS * 2 / 3, without + " of " + FLIPS + " flips without effect");
    }

    /** What a trainer does before it trains on; who has noticed the flip need not do so. */
    private boolean isNoticedByATrainer() throws IOException {
        try {
            directory.spec();
            directory.wholeCheckpoint(notes::add);
            return !notes.isEmpty();
        } catch (GerbilException e) {
            return true;
        }
    }

    private boolean isNoticedByAReader() throws IOException {
        try {
            trainer(directory, TrainingListener.NONE, "1h").run();
            TrainedModel.open(directory).close();
            return false;
        } catch (GerbilException e) {
            return true;
        }
    }

    private void assertSameNumbers(RunDirectory source, String what) throws IOException {
        if (source == whole) {
            assertEquals(whole.result(), directory.result(), what);
            assertEquals(whole.metrics(), directory.metrics(), what);
        } else {
            assertEquals(stopped.record(), directory.record(), what);
            assertEquals(stopped.metrics().subList(0, STOPPED), directory.metrics().subList(0, STOPPED), what);
            for (String file : List.of(WEIGHTS, MOMENTS)) {
                assertEquals(-1, Files.mismatch(stopped.checkpoints().resolve("step-0000006").resolve(file),
                        checkpoint(STOPPED, file)), what);
            }
        }
    }

    @Test
    void aDamagedModelIsNotOpened() throws IOException {
        directory = copy(whole);
        Path weights = checkpoint(STEPS, WEIGHTS);
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
        String message = refusal(() -> TrainedModel.open(directory));
        assertTrue(message.contains(weights.toString()) && message.contains("the run's name or folder with @7"),
                message);
        TrainedModel.openRun(checkpoint(STEPS - 1)).close();
        Files.delete(checkpoint(STEPS - 1, WEIGHTS));
        message = refusal(() -> TrainedModel.open(directory));
        assertTrue(message.contains(weights.toString()) && !message.contains("@"), message);
    }

    @Test
    void aRunMayBeginWithTheWeightsOfAStep() throws IOException {
        try (TrainedModel five = TrainedModel.openRun(checkpoint(5));
             LanguageModel six = TrainedModel.openFolder(directory.folder())) {
            assertEquals(5, five.card().step());
            assertFalse(five.sha256().equals(six.sha256()));
        }
    }

    /** Without a manifest: a mark, and the step in a file. */
    private void makeOlder(int step) throws IOException {
        Files.delete(checkpoint(step, MANIFEST));
        Files.writeString(checkpoint(step, "complete"), "");
        Files.writeString(checkpoint(step, "state.json"), "{\n  \"step\" : " + step + "\n}\n");
    }

    @Test
    void checkpointsOfBeforeManifestsAreGoneOnWith() throws IOException {
        makeOlder(5);
        makeOlder(6);
        Path record = directory.folder().resolve("run.json");
        edit(record, stopped.record().environment().codeVersion(), "0.0.1");
        removeChecksum(record);
        assertEndsAsTheWholeRun(7);
        assertEquals(1, notes.size());
        assertTrue(notes.get(0).contains("codeVersion: 0.0.1 and "), notes.get(0));
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "null", "-5", "", "{\"step\" : 5}"})
    void anOlderStateThatIsNoneIsNoticed(String state) throws IOException {
        makeOlder(6);
        Files.writeString(checkpoint(6, "state.json"), state);
        assertGoesBack(checkpoint(6, "state.json"));
    }

    @Test
    void olderMomentsThatAreMissingOrReshapedAreNamed() throws IOException {
        makeOlder(6);
        try (NDManager manager = NDManager.newBaseManager()) {
            Map<String, NDArray> moments = SafeTensors.read(checkpoint(6, MOMENTS), manager);
            String name = "mean.transformer.wte.weight";
            moments.put(name, moments.get(name).transpose());
            SafeTensors.write(checkpoint(6, MOMENTS), moments);
            assertTrue(refusal().contains("a checkpoint of step 6 with " + name + " of shape ("), refusal());
            moments.remove(name);
            SafeTensors.write(checkpoint(6, MOMENTS), moments);
            assertTrue(refusal().contains("a checkpoint of step 6 with no " + name), refusal());
        }
    }

    @Test
    void theLastAndEveryKthAreKept() throws IOException {
        directory = RunDirectory.at(folder.resolve("kept"));
        trainer(directory, TrainingListener.NONE, CheckpointPolicy.parse("1", 1, 3)).run();
        assertEquals(List.of("step-0000003", "step-0000006", "step-0000008"), checkpoints());
    }

    /** A run begun with other threads and code: what differs is told once a sitting, and recorded once. */
    @Test
    void aRunThatIsContinuedElsewhereIsTold() throws IOException {
        RunDirectory run = RunDirectory.at(folder.resolve("elsewhere"));
        RunEnvironment here = stopped.record().environment();
        RunEnvironment begun = new RunEnvironment("0.0.9 (abc)", here.device(), 64, here.engine(), here.java(),
                here.corpus(), here.corpusHash(), here.step(), here.started());
        run.claim(spec, () -> begun);
        directory = run;
        interruptAt(3, run, CheckpointPolicy.DEFAULT);
        RunResult result = trainer(run, new Noting(), "1h").run();
        assertEquals(run.record().continued(), result.continued());
        assertEquals(1, notes.size());
        assertTrue(notes.get(0).contains("codeVersion: 0.0.9 (abc) and " + here.codeVersion() + "; threads: 64 and "
                + here.threads()), notes.get(0));
        assertEquals(begun, run.record().environment());
        assertEquals(1, run.record().continued().size());
        assertEquals(here.threads(), run.record().continued().get(0).threads());
    }
}
