package gerbil.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.model.TinyModel;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Held against the plain model's logits, one window at a time. */
class TokenScorerTest {

    private static final int VOCABULARY = TinyModel.CONFIG.vocabulary();
    private static final int POSITIONS = TinyModel.CONFIG.contextLength();

    private static TokenWindow window(SplittableRandom random, int length, int longest) {
        int[] ids = random.ints(length, 0, VOCABULARY).toArray();
        int context = random.nextInt(Math.max(1, length - longest), length);
        return new TokenWindow(Arrays.copyOf(ids, context), Arrays.copyOfRange(ids, context, length));
    }

    /** Windows that begin like one: with its context, its whole, its whole twice, or some of its context. */
    private static List<TokenWindow> answers(TokenWindow window, SplittableRandom random) {
        int[] whole = IntStream.concat(IntStream.of(window.context()), IntStream.of(window.continuation())).toArray();
        int[] answer = random.ints(random.nextInt(1, 4), 0, VOCABULARY).toArray();
        int[] longer = IntStream.concat(IntStream.of(window.continuation()), IntStream.of(answer)).toArray();
        return Stream.of(new TokenWindow(window.context(), answer), new TokenWindow(window.context(), longer),
                window, new TokenWindow(whole, answer),
                new TokenWindow(Arrays.copyOf(whole, (window.context().length + 1) / 2), answer))
                .filter(answered -> answered.length() <= POSITIONS + 1).toList();
    }

    @ParameterizedTest
    @CsvSource({"false, 1, 24", "true, 2, 24", "false, 3, 24", "true, 1, 2", "false, 2, 2"})
    void scoresAreThePlainModels(boolean tied, int threads, int longestContinuation) {
        int before = JniUtils.getNumThreads();
        JniUtils.setNumThreads(threads);
        try (NDManager manager = NDManager.newBaseManager()) {
            GptJ model = TinyModel.create(tied ? TinyModel.CONFIG.withTiedHead(true) : TinyModel.CONFIG, manager, 1);
            SplittableRandom random = new SplittableRandom(1);
            // more than a batch, of all lengths in no order
            List<TokenWindow> windows = new ArrayList<>(IntStream.range(0, 400)
                    .mapToObj(i -> i == 0 ? POSITIONS + 1 : random.nextInt(2, POSITIONS + 2))
                    .map(length -> window(random, length, longestContinuation)).toList());
            IntStream.range(0, 300).forEach(i -> windows.addAll(answers(windows.get(i), random)));
            Collections.shuffle(windows, new Random(1));
            List<TokenScores> scores = new TokenScorer(model).score(windows, 3);
            int greedy = 0;
            for (int i = 0; i < windows.size(); i++) {
                TokenWindow window = windows.get(i);
                long[] read = IntStream.of(window.read()).asLongStream().toArray();
                NDArray expected = model.logits(manager.create(read).expandDims(0)).squeeze(0).logSoftmax(-1);
                assertScores(window, expected, scores.get(i));
                greedy += scores.get(i).greedy() ? 1 : 0;
            }
            assertTrue(greedy > 0 && greedy < windows.size(), greedy + " greedy");
            assertEquals(threads, JniUtils.getNumThreads());
        } finally {
            JniUtils.setNumThreads(before);
        }
    }

    private static void assertScores(TokenWindow window, NDArray expected, TokenScores scores) {
        boolean greedy = true;
        for (int t = 0; t < window.continuation().length; t++) {
            float[] place = expected.get(window.context().length - 1 + t).toFloatArray();
            int[] order = IntStream.range(0, place.length).boxed().sorted((a, b) -> Float.compare(place[b], place[a]))
                    .mapToInt(Integer::intValue).toArray();
            assertEquals(place[window.continuation()[t]], scores.logProbability()[t], 1e-4);
            assertEquals(place[order[0]], scores.likeliest()[t], 1e-4);
            for (int k = 0; k < 3; k++) {
                assertEquals(order[k], scores.topIds()[t][k]);
                assertEquals(place[order[k]], scores.topLogProbability()[t][k], 1e-4);
            }
            greedy &= order[0] == window.continuation()[t];
        }
        assertEquals(greedy, scores.greedy());
    }

    @Test
    void whatDoesNotFitTheModelIsRefused() {
        try (NDManager manager = NDManager.newBaseManager()) {
            TokenScorer scorer = new TokenScorer(TinyModel.create(manager, 1));
            assertEquals(List.of(), scorer.score(List.of(), 0));
            assertRefused("a sequence of 25 tokens", scorer, new int[1], new int[POSITIONS + 1]);
            assertRefused("token 50", scorer, new int[] {50}, new int[] {1});
            assertRefused("token -1", scorer, new int[] {1}, new int[] {-1});
            assertThrows(GerbilException.class, () -> new TokenWindow(new int[0], new int[1]));
            assertThrows(GerbilException.class, () -> new TokenWindow(new int[1], new int[0]));
        }
    }

    @Test
    void logitsThatAreNotNumbersAreTold() {
        try (NDManager manager = NDManager.newBaseManager()) {
            GptJ model = TinyModel.create(manager, 1);
            model.weights().values().forEach(weight -> weight.muli(1e30f));
            assertRefused("logits that are not numbers", new TokenScorer(model), new int[] {1}, new int[] {2});
        }
    }

    private static void assertRefused(String mentioned, TokenScorer scorer, int[] context, int[] continuation) {
        GerbilException refused = assertThrows(GerbilException.class,
                () -> scorer.score(List.of(new TokenWindow(context, continuation)), 0));
        assertTrue(refused.getMessage().contains(mentioned), refused.getMessage());
    }
}
