package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.kernels.Sampling;
import gerbil.model.GptJTensors;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.safetensors.SafeTensors;
import gerbil.safetensors.TensorInfo;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A run whose head is its embedding, from its specification to text. */
class TiedHeadTest {

    private static final int STEPS = 12;

    @TempDir
    private Path folder;
    private PreparedTokens tokens;
    private RunSpec spec;

    private Trainer trainer(RunDirectory directory, TrainingListener listener) {
        return new Trainer(spec, tokens, directory, () -> SmallRun.settings(TrainingPath.FUSED, 2), listener,
                Duration.ofHours(1));
    }

    @Test
    void oneMatrixIsTrainedKeptAndDrawnFrom() throws IOException {
        tokens = TestTokens.prepare(folder, 40_000);
        RunSpec untied = SmallRun.of(tokens, STEPS);
        spec = untied.withArchitecture(untied.config().withTiedHead(true));
        RunDirectory whole = RunDirectory.of(folder, spec);
        RunResult result = trainer(whole, TrainingListener.NONE).run();
        assertEquals(untied.config().parameters() - 1_024 * 16, result.parameters());
        assertTrue(result.trainingLoss() < Math.log(1_024), "learned nothing: " + result.trainingLoss());

        RunDirectory stopped = RunDirectory.at(folder.resolve("stopped"));
        Trainer interrupted = trainer(stopped, (metrics, steps) -> {
            if (metrics.step() == 5) {
                Thread.currentThread().interrupt();
            }
        });
        assertThrows(GerbilException.class, interrupted::run);
        trainer(stopped, TrainingListener.NONE).run();
        Path kept = whole.latestCheckpoint().orElseThrow().folder();
        Path resumed = stopped.latestCheckpoint().orElseThrow().folder();
        for (String file : List.of("weights.safetensors", "moments.safetensors")) {
            List<String> names = SafeTensors.list(kept.resolve(file)).stream().map(TensorInfo::name).toList();
            assertTrue(names.stream().anyMatch(name -> name.endsWith(GptJTensors.EMBEDDING)));
            assertFalse(names.stream().anyMatch(name -> name.endsWith(GptJTensors.HEAD_WEIGHT)), names.toString());
            assertEquals(-1, Files.mismatch(kept.resolve(file), resumed.resolve(file)), file);
        }
        try (TrainedModel model = TrainedModel.open(whole)) {
            assertTrue(model.model().config().tied());
            assertFalse(model.continueText("import ", 8, Sampling.GREEDY, 0).isBlank());
            assertTrue(model.card().markdown().contains("also the head's"));
        }
    }
}
