package gerbil.kernels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import gerbil.base.GerbilException;
import gerbil.model.GptJ;
import gerbil.model.TinyModel;
import gerbil.spec.GptJConfig;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

class GeneratorTest {

    private static final int ROWS = TinyModel.CONFIG.vocabulary();
    private static final int[] PROMPT = {3, 1, 4};
    private static final IntPredicate NEVER = id -> false;
    private static final Sampling FREE = new Sampling(1, 0, 1);

    private NDManager manager;
    private GptJ model;

    @BeforeEach
    void open() {
        manager = NDManager.newBaseManager();
        model = TinyModel.create(manager, 5);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    static List<Sampling> settings() {
        return List.of(Sampling.GREEDY, FREE, new Sampling(0.7, 5, 1), new Sampling(1.3, 0, 0.8),
                new Sampling(0.9, 20, 0.9));
    }

    @Test
    void tenThousandGenerationsLeaveNothingBehind() {
        Generator generator = new Generator(model, ROWS);
        generator.generate(PROMPT, 2, FREE, 0, NEVER);
        int arrays = model.manager().getManagedArrays().size();
        int all = manager.getManagedArrays().size();
        for (int i = 0; i < 10_000; i++) {
            generator.generate(PROMPT, 2, FREE, i, NEVER);
        }
        assertEquals(arrays, model.manager().getManagedArrays().size());
        assertEquals(all, manager.getManagedArrays().size());
    }

    @ParameterizedTest
    @MethodSource("settings")
    void tokensAreThoseOfThePlainModel(Sampling sampling) {
        for (long seed = 0; seed < 5; seed++) {
            assertArrayEquals(plain(21, sampling, seed), new Generator(model, ROWS).generate(PROMPT, 21, sampling, seed,
                    NEVER));
        }
    }

    @Test
    void headsMayHaveOddDimensions() {
        model = TinyModel.create(new GptJConfig(ROWS, 21, 2, 3, 6, 24), manager, 5);
        assertArrayEquals(plain(21, Sampling.GREEDY, 0), new Generator(model, ROWS).generate(PROMPT, 21, Sampling.GREEDY,
                0, NEVER));
    }

    /** Prompt and continuation with the whole sequence computed anew for each token. */
    private int[] plain(int count, Sampling sampling, long seed) {
        Kernels kernels = Kernels.load(manager);
        SplittableRandom random = new SplittableRandom(seed);
        int[] ids = PROMPT;
        for (int i = 0; i < count; i++) {
            NDArray read = manager.create(Arrays.stream(ids).asLongStream().toArray()).expandDims(0);
            NDArray drawn = kernels.call("draw", false, new Kernels.Arguments().add(model.logits(read).get(":, -1"))
                    .add(kernels.numbers(random.nextDouble())).add(kernels.numbers(0, sampling.temperature(),
                            sampling.topK(), sampling.topP()))).singletonOrThrow();
            ids = IntStream.concat(IntStream.of(ids), IntStream.of((int) drawn.getLong())).toArray();
        }
        return ids;
    }

    static List<Sampling> ofAFew() {
        return List.of(Sampling.GREEDY, new Sampling(0.7, 40, 1), new Sampling(1.3, 200, 0.9), new Sampling(1, 1, 1),
                new Sampling(1, 300, 1));
    }

    /** A head of 4.8 million weights, whose likeliest entries are found by weights of 8 bits. */
    @ParameterizedTest
    @MethodSource("ofAFew")
    void tokensOfALargeHeadAreThoseOfThePlainModel(Sampling sampling) {
        GptJConfig config = new GptJConfig(50_257, 96, 1, 4, 8, 64);
        model = TinyModel.create(config, manager, 3);
        Generator generator = new Generator(model, config.vocabulary());
        for (long seed = 0; seed < 4; seed++) {
            assertArrayEquals(plain(50, sampling, seed), generator.generate(PROMPT, 50, sampling, seed, NEVER));
        }
    }

    /** A preview in a training that shares its operators must not leave them to one thread, nor the other way about. */
    @Test
    void threadsAreWhatTheyWereBefore() {
        int before = JniUtils.getNumThreads();
        try {
            for (int threads : new int[] {1, 3}) {
                JniUtils.setNumThreads(threads);
                new Generator(model, ROWS).generate(PROMPT, 3, FREE, 0, NEVER);
                assertEquals(threads, JniUtils.getNumThreads());
            }
        } finally {
            JniUtils.setNumThreads(before);
        }
    }

    @Test
    void aTiedModelsTokensAreThoseOfThePlainModel() {
        model = TinyModel.create(TinyModel.CONFIG.withTiedHead(true), manager, 5);
        assertArrayEquals(plain(21, FREE, 0), new Generator(model, ROWS).generate(PROMPT, 21, FREE, 0, NEVER));
    }

    /** Of different lengths, more than fit one batch, some of which stop early. */
    @ParameterizedTest
    @MethodSource("settings")
    void promptsTogetherGiveWhatEachGivesAlone(Sampling sampling) {
        Generator generator = new Generator(model, ROWS);
        SplittableRandom random = new SplittableRandom(7);
        List<Generator.Prompt> prompts = IntStream.range(0, 700).mapToObj(i -> new Generator.Prompt(
                random.ints(1 + i % 14, 0, ROWS).toArray(), i, id -> id % 16 == i % 32)).toList();
        List<int[]> together = generator.generate(prompts, 10, sampling);
        for (int i = 0; i < prompts.size(); i++) {
            Generator.Prompt prompt = prompts.get(i);
            assertArrayEquals(generator.generate(prompt.ids(), 10, sampling, prompt.seed(), prompt.stop()),
                    together.get(i), "prompt " + i);
        }
        assertEquals(List.of(), generator.generate(List.of(), 10, sampling));
    }

    @Test
    void tokensAreAFunctionOfTheSeed() {
        Generator generator = new Generator(model, ROWS);
        int[] tokens = generator.generate(PROMPT, 20, FREE, 1, NEVER);
        assertArrayEquals(tokens, generator.generate(PROMPT, 20, FREE, 1, NEVER));
        assertFalse(Arrays.equals(tokens, generator.generate(PROMPT, 20, FREE, 2, NEVER)));
    }

    /** Arrays that hang on the model's manager would stay until the model is closed. */
    @Test
    void aGenerationLeavesNothingBehind() {
        Generator generator = new Generator(model, ROWS);
        generator.generate(PROMPT, 20, FREE, 1, NEVER);
        int before = model.manager().getManagedArrays().size();
        for (long seed = 0; seed < 5; seed++) {
            generator.generate(PROMPT, 20, FREE, seed, NEVER);
        }
        assertEquals(before, model.manager().getManagedArrays().size());
    }

    @Test
    void paddingIdsAreNeverDrawn() {
        Generator generator = new Generator(model, 8);
        int[] seen = IntStream.range(0, 30).boxed()
                .flatMapToInt(seed -> Arrays.stream(generator.generate(PROMPT, 20, FREE, seed, NEVER)))
                .distinct().sorted().toArray();
        assertArrayEquals(IntStream.range(0, 8).toArray(), seen);
    }

    @Test
    void stopEndsWithTheTokenItHoldsFor() {
        Generator generator = new Generator(model, ROWS);
        int[] all = generator.generate(PROMPT, 20, FREE, 1, NEVER);
        int[] stopped = generator.generate(PROMPT, 20, FREE, 1, id -> id == all[6]);
        int end = IntStream.range(PROMPT.length, all.length).filter(i -> all[i] == all[6]).findFirst().orElseThrow();
        assertArrayEquals(Arrays.copyOf(all, end + 1), stopped);
    }

    @ParameterizedTest
    @MethodSource("settings")
    void logitsThatAreNotNumbersAreTold(Sampling sampling) {
        model.weights().values().forEach(weight -> weight.muli(1e30f));
        assertRefused("logits that are not numbers", () -> new Generator(model, ROWS).generate(PROMPT, 8, sampling, 0,
                NEVER));
    }

    @Test
    void impossibleRequestsAreRefused() {
        Generator generator = new Generator(model, 8);
        assertRefused("an empty prompt", () -> generator.generate(new int[0], 5, FREE, 0, NEVER));
        assertRefused("-1 tokens", () -> generator.generate(new int[2], -1, FREE, 0, NEVER));
        assertRefused("a sequence of 25 tokens", () -> generator.generate(new int[20], 5, FREE, 0, NEVER));
        assertRefused("a sequence of 26 tokens", () -> generator.generate(new int[25], 1, FREE, 0, NEVER));
        assertRefused("token 8", () -> generator.generate(new int[] {1, 8}, 1, FREE, 0, NEVER));
        assertRefused("token -1", () -> generator.generate(new int[] {-1}, 1, FREE, 0, NEVER));
        assertRefused("a vocabulary of 51 entries", () -> new Generator(model, 51));
        assertRefused("temperature -1", () -> new Sampling(-1, 0, 1));
        assertRefused("temperature NaN", () -> new Sampling(Double.NaN, 0, 1));
        assertRefused("top-k -1", () -> new Sampling(1, -1, 1));
        assertRefused("top-p 0.0", () -> new Sampling(1, 0, 0));
        assertRefused("top-p 1.1", () -> new Sampling(1, 0, 1.1));
    }

    private static void assertRefused(String mentioned, Executable action) {
        String message = assertThrows(GerbilException.class, action).getMessage();
        assertTrue(message.contains(mentioned), message);
    }
}
