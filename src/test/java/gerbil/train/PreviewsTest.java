package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.eval.HeldOutLoss;
import gerbil.hub.LanguageModel;
import gerbil.objective.Sequences;
import gerbil.runs.Preview;
import gerbil.runs.TrainingListener;
import gerbil.runs.Workspace;
import gerbil.spec.Objective;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.spec.TrainingPath;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;

class PreviewsTest {

    @TempDir
    private static Path folder;
    private static PreparedTokens tokens;

    @BeforeAll
    static void prepare() {
        tokens = TestTokens.prepare(folder, 40_000);
    }

    private static Vocabulary vocabulary(RunSpec spec) {
        Vocabulary text = tokens.train().vocabulary();
        return spec.objective() == Objective.BLENDER ? text.withSpecialTokens() : text;
    }

    private static Previews previews(RunSpec spec, TrainingSetup setup, TrainingListener listener) {
        return new Previews(spec, setup.model(), vocabulary(spec), tokens.heldout(), listener);
    }

    /** Loss and norm of each step, and the weights at the end, to the bit. */
    private static List<String> trained(RunSpec spec, boolean watched, List<Preview> seen) {
        List<String> numbers = new ArrayList<>();
        try (TrainingSetup setup = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.FUSED, 2))) {
            Sequences data = Sequences.of(spec, tokens.train());
            Previews previews = previews(spec, setup, TrainingListener.NONE);
            for (int step = 0; step < 30; step++) {
                BatchLoss loss = setup.step().backward(data, step * 4L, 4);
                numbers.add(loss.mean() + " " + setup.optimizer().step(1e-2));
                if (watched) {
                    seen.add(previews.of(step));
                    LanguageModel now = new LanguageModel(setup.model(), vocabulary(spec));
                    assertEquals(now.continueText("", SmallRun.LENGTH / 2, Previews.SAMPLING, 0),
                            seen.get(step).sample());
                }
            }
            numbers.add(new LanguageModel(setup.model(), vocabulary(spec)).sha256());
            if (watched) {
                assertEquals(HeldOutLoss.of(setup.model(), tokens.heldout(), vocabulary(spec), SmallRun.LENGTH,
                        4_096).loss(), seen.get(29).heldOutLoss());
            }
        }
        return numbers;
    }

    @ParameterizedTest
    @EnumSource
    void trainingIsTheSameToTheBitWhetherAnybodyLooksOrNot(Objective objective) {
        RunSpec spec = Workspace.spec("40k", "A", objective, tokens).withBatch(SmallRun.BATCH, SmallRun.LENGTH)
                .withTokens(30 * SmallRun.BATCH);
        List<Preview> seen = new ArrayList<>();
        assertEquals(trained(spec, false, seen), trained(spec, true, seen));
        assertTrue(seen.get(29).heldOutLoss() < seen.get(0).heldOutLoss() - 0.3, seen.toString());
        assertTrue(seen.stream().allMatch(preview -> !preview.sample().isEmpty()), seen.toString());
        // not all thirty: of a few tokens two may be alike
        assertTrue(seen.stream().map(Preview::sample).distinct().count() > 20, seen.toString());
    }

    /** Reading the text is taken to last 16 steps, which are two hundredths of 800. */
    @Test
    void previewsTakeALittleOfTheTime() {
        assertEquals(List.of(), offers(500, 100, 0), "reading the text would take longer than its share");
        List<Integer> offers = offers(4_000, 100, 0);
        int first = offers.get(0);
        assertEquals(800, first, 1, "rounded");
        assertEquals(IntStream.iterate(first, step -> step < 4_000, step -> step + 200).boxed().toList(), offers);
        assertTrue(offers(4_000, 1, 30).size() <= 3, "80 ms of 4 s");
        assertEquals(1, offers(4_000, 1, 90).size(), "80 ms of 4 s");
    }

    private static List<Integer> offers(int steps, int stepMilliseconds, int previewMilliseconds) {
        RunSpec spec = SmallRun.of(tokens, 4_000);
        List<Integer> offers = new ArrayList<>();
        int[] now = new int[1];
        TrainingListener listener = new TrainingListener() {

            @Override
            public void step(StepMetrics metrics, int ofSteps) {
            }

            @Override
            public void preview(Supplier<Preview> preview) {
                offers.add(now[0]);
                try {
                    Thread.sleep(previewMilliseconds);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
        try (TrainingSetup setup = TrainingSetup.of(spec, SmallRun.settings(TrainingPath.FUSED, 2))) {
            Previews previews = previews(spec, setup, listener);
            for (now[0] = 1; now[0] <= steps; now[0]++) {
                previews.after(new StepMetrics(now[0], (long) now[0] * SmallRun.BATCH, 5, 1e-2, 1,
                        SmallRun.BATCH * 1_000.0 / stepMilliseconds));
            }
        }
        return offers;
    }
}
