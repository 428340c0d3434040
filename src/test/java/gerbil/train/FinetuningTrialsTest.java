package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.base.WholeFile;
import gerbil.corpus.TextFolder;
import gerbil.runs.RunDirectory;
import gerbil.runs.Workspace;
import gerbil.spec.BaseModel;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.spec.Scale;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class FinetuningTrialsTest {

    @TempDir
    private Path folder;

    /** Trained on code and then on counting, of which each model is measured on both. */
    @Test
    void bothLossesAreMeasuredOnceAndKept() throws IOException {
        PreparedTokens code = TestTokens.prepare(folder, 20_000);
        PreparedTokens counting = counting();
        Workspace workspace = new Workspace(folder);
        FinetuningTrials trials = new FinetuningTrials(workspace, code, counting);
        RunSpec finished = SmallRun.of(code, 60);
        RunSpec random = SmallRun.of(counting, 10);
        FinetuningTrial before = trials.of(finished);
        FinetuningTrial fromRandom = trials.of(random);
        FinetuningTrial whole = trials.of(finished, random);
        FinetuningTrial last = trials.of(finished, random, 1);
        assertEquals(List.of("class A", "random weights", "whole model", "last 1 of 2 layers"),
                List.of(before.trained(), fromRandom.trained(), whole.trained(), last.trained()));
        assertEquals(RunDirectory.of(workspace.runs(), finished).result().orElseThrow().heldoutLoss(),
                before.oldLoss());
        assertEquals(RunDirectory.of(workspace.runs(), random).result().orElseThrow().heldoutLoss(),
                fromRandom.newLoss());
        assertTrue(whole.newLoss() < before.newLoss() && whole.newLoss() < last.newLoss(), whole + " " + last);
        assertTrue(whole.oldLoss() > before.oldLoss(), whole + " after " + before);
        assertEquals(finished.model() + "-" + finished.runId(), whole.base());

        WholeFile.delete(workspace.runs());
        assertEquals(List.of(before, fromRandom, whole, last), List.of(trials.of(finished), trials.of(random),
                trials.of(finished, random), trials.of(finished, random, 1)));
        assertTrue(Files.notExists(workspace.runs()), "nothing is trained again");
        assertNotEquals(whole.run(), trials.of(finished, random.withLearningRate(1e-3)).run());
        assertEquals(5, Files.readAllLines(workspace.results().resolve("finetuning.jsonl")).size());
    }

    /** Runs that begin with a trained model take the rate of their size, since it was about the best. */
    @Test
    void theRateOfTheSizeIsTheMeasuredOne() throws IOException {
        List<FinetuningTrial> kept = Files.readAllLines(Path.of("results/finetuning.jsonl")).stream()
                .map(line -> Json.parse(line, FinetuningTrial.class, "the record")).toList();
        for (String size : List.of("40k", "92k")) {
            atBest(kept, size, "whole model", FinetuningTrial::newLoss);
        }
        atBest(kept, "40k", "class A*", FinetuningTrial::oldLoss);
    }

    private static void atBest(List<FinetuningTrial> kept, String size, String trained,
                               ToDoubleFunction<FinetuningTrial> loss) {
        Map<Double, Double> means = kept.stream().filter(t -> t.size().equals(size) && t.trained().equals(trained))
                .collect(Collectors.groupingBy(FinetuningTrial::learningRate, Collectors.averagingDouble(loss)));
        double best = Collections.min(means.values());
        RunSpec run = RunSpec.of(ModelSize.of(size), BudgetClass.A, Objective.CAUSAL, 0, "any", "data", "heldout");
        RunSpec tuned = run.finetuning(new BaseModel("any", "0".repeat(64), run.config()));
        assertEquals(best, means.get(tuned.optimizer().learningRate()), 0.05, size + ", " + trained + ": " + means);
    }

    private PreparedTokens counting() throws IOException {
        Path texts = Files.createDirectory(folder.resolve("counting"));
        for (int i = 0; i < 400; i++) {
            int first = i;
            Files.write(texts.resolve(i + ".txt"), IntStream.range(0, 10).mapToObj(n -> "day " + (first + n)).toList());
        }
        return Preparation.prepare(TextFolder.open(texts), Workspace.vocabulary(Scale.NANO),
                folder.resolve("counting-tokens"), 10_000, 500, 0, Progress.NONE);
    }
}
