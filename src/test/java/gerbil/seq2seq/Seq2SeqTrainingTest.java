package gerbil.seq2seq;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import gerbil.hub.LanguageModel;
import gerbil.model.GptJ;
import gerbil.runs.TrainingListener;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.StepMetrics;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

class Seq2SeqTrainingTest {

    /** The answer is the source's only token: without reading there are as many answers as tokens. */
    private static final JavadocPairs COPY = new JavadocPairs(IntStream.range(0, 16)
            .mapToObj(i -> new Pair(new int[] {100 + i}, new int[] {100 + i})).toList(), IntStream.range(0, 16)
            .mapToObj(i -> new Pair(new int[] {100 + i}, new int[] {100 + i})).toList(), 0, 0);

    private static LanguageModel base() {
        return base(5);
    }

    private static LanguageModel base(long seed) {
        return new LanguageModel(GptJ.initialized(ModelSize.of("40k").config(Objective.CAUSAL),
                NDManager.newBaseManager(), seed), Vocabulary.cut(1_024));
    }

    private static Seq2SeqSpec spec(boolean warm, int steps, long seed) {
        return new Seq2SeqSpec("base", warm, 16, steps, 1e-2, seed);
    }

    @Test
    void learnsToReadAndToEnd() {
        try (LanguageModel base = base()) {
            List<StepMetrics> steps = new ArrayList<>();
            Seq2SeqTraining training = new Seq2SeqTraining(spec(true, 200, 0), base, COPY,
                    (step, of) -> steps.add(step));
            try (Seq2SeqModel model = training.begin()) {
                float[] unused = unused(model);
                Seq2SeqResult result = training.train(model);
                assertEquals(200, steps.size());
                assertEquals(17, result.curve().size());
                assertEquals(200L * 16 * 3, result.last().tokens());
                assertEquals(Math.log(1_024), result.curve().get(0).loss(), 0.3);
                // ln 16 / 2 without reading
                assertTrue(result.last().loss() < 0.2, result.curve().toString());
                assertEquals(model.meanLoss(COPY.heldOut()), result.last().loss(), 1e-6);
                List<String> sources = COPY.heldOut().stream().map(p -> base.tokenizer().decode(p.source())).toList();
                assertEquals(sources, model.answers(sources, 5));
                assertArrayEquals(unused, unused(model));
            }
        }
    }

    private static float[] unused(Seq2SeqModel model) {
        return model.network().encoder().weights().get("lm_head.weight").toFloatArray();
    }

    @Test
    void startsAreTheBaseOrRandomAndSeedsRepeat() {
        try (LanguageModel base = base()) {
            List<Double> warm = losses(base, true, 0);
            assertEquals(warm, losses(base, true, 0));
            List<Double> other = losses(base, true, 1);
            assertEquals(warm.get(0), other.get(0), "a new one reads nothing");
            assertNotEquals(warm, other);
            assertNotEquals(losses(base, false, 0).get(0), losses(base, false, 1).get(0));
        }
    }

    private static List<Double> losses(LanguageModel base, boolean warm, long seed) {
        return new Seq2SeqTraining(spec(warm, 3, seed), base, COPY, TrainingListener.NONE).run().curve().stream()
                .map(Seq2SeqResult.Point::loss).toList();
    }

    @Test
    void whatWasMeasuredIsRead(@TempDir Path results) throws IOException {
        try (LanguageModel base = base(); LanguageModel other = base(6)) {
            Path folder = results.resolve("new");
            Seq2SeqTraining training = new Seq2SeqTraining(spec(true, 2, 0), base, COPY, TrainingListener.NONE);
            Seq2SeqResult measured = training.recorded(folder);
            new Seq2SeqTraining(spec(false, 2, 0), base, COPY, TrainingListener.NONE).recorded(folder);
            assertEquals(2, Files.readAllLines(folder.resolve("encoder-decoder.jsonl")).size());
            TrainingListener never = (step, steps) -> {
                throw new AssertionError("trained again");
            };
            assertEquals(measured, new Seq2SeqTraining(spec(true, 2, 0), base, COPY, never).recorded(folder));
            JavadocPairs fewer = new JavadocPairs(COPY.train(), COPY.heldOut().subList(0, 8), 0, 0);
            assertNotEquals(measured,
                    new Seq2SeqTraining(spec(true, 2, 0), base, fewer, TrainingListener.NONE).recorded(folder));
            assertNotEquals(measured,
                    new Seq2SeqTraining(spec(true, 2, 0), other, COPY, TrainingListener.NONE).recorded(folder));
        }
    }
}
