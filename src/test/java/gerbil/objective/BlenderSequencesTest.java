package gerbil.objective;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.spec.BlendedObjective;
import gerbil.spec.BlenderSettings;
import gerbil.spec.BlenderSettings.LossOn;
import gerbil.spec.BlenderSettings.SharesOf;
import gerbil.tokenizer.SpecialToken;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.SmallTokenSet;
import gerbil.tokens.TokenSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

class BlenderSequencesTest {

    private static final int LENGTH = 64;
    private static final Vocabulary VOCABULARY = Vocabulary.cut(1_024).withSpecialTokens();
    private static final Tokenizer TOKENIZER = new Tokenizer(VOCABULARY);
    private static final BlenderFormat FORMAT = new BlenderFormat(VOCABULARY);
    private static final BlenderSettings DEFAULT = BlenderSettings.DEFAULT;

    @TempDir
    private Path folder;

    /** Documents of random Unicode, from none to a few hundred characters. */
    private static List<String> documents(int count, long seed) {
        Random random = new Random(seed);
        return IntStream.range(0, count).mapToObj(i -> IntStream.range(0, random.nextInt(1 << random.nextInt(10)))
                .map(j -> codePoint(random)).mapToObj(Character::toString).collect(Collectors.joining())).toList();
    }

    private static int codePoint(Random random) {
        int bound = new int[] {0x80, 0x80, 0x250, 0x3000, 0x20000}[random.nextInt(5)];
        int point = random.nextInt(bound);
        return Character.getType(point) == Character.SURROGATE ? ' ' : point;
    }

    private TokenSet set(List<String> documents) {
        return SmallTokenSet.write(folder.resolve("set" + documents.hashCode()), VOCABULARY,
                documents.stream().map(TOKENIZER::encode).toArray(int[][]::new));
    }

    private static BlenderSequences sequences(TokenSet set, long seed, BlenderSettings settings) {
        return new BlenderSequences(set, VOCABULARY, LENGTH, seed, settings);
    }

    private static BlenderSettings mixture(double fillInTheMiddle, double causal, double masked, SharesOf sharesOf) {
        return new BlenderSettings(fillInTheMiddle, causal, masked, sharesOf, 3, 64, 0.15, LossOn.ALL);
    }

    private static List<int[]> examples(BlenderSequences sequences, long epoch) {
        return IntStream.range(0, (int) sequences.composition(epoch).sequences())
                .mapToObj(i -> sequences.examples(epoch, i)).flatMap(List::stream).toList();
    }

    private static byte[] bytes(int[] ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int id : ids) {
            bytes.writeBytes(VOCABULARY.bytes(id));
        }
        return bytes.toByteArray();
    }

    @ParameterizedTest
    @EnumSource(SharesOf.class)
    void documentsAreGotBackByteForByte(SharesOf sharesOf) {
        List<String> documents = documents(600, 5);
        TokenSet set = set(documents);
        BlenderSettings settings = mixture(0.4, 0.2, 0.4, sharesOf);
        for (long epoch = 0; epoch < 3; epoch++) {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            for (int[] example : examples(sequences(set, 7, settings), epoch)) {
                all.writeBytes(bytes(FORMAT.undo(example)));
            }
            assertArrayEquals(String.join("", documents).getBytes(StandardCharsets.UTF_8), all.toByteArray());
        }
    }

    @Test
    void noExampleGoesOverADocumentsEnd() {
        List<String> documents = IntStream.range(0, 400).mapToObj(i -> "document " + i + " x".repeat(i % 150)).toList();
        String undone = examples(sequences(set(documents), 0, DEFAULT), 0).stream()
                .map(e -> TOKENIZER.decode(FORMAT.undo(e))).collect(Collectors.joining("|"));
        assertFalse(undone.matches("(?s).*[x0-9]document.*"), "a document begins with an example");
    }

    /** What a batch holds is the plan's examples, whole, then padding; nothing else is learned. */
    @ParameterizedTest
    @EnumSource(LossOn.class)
    void sequencesAreWholeExamplesAndTheirTargetsAreLearned(LossOn lossOn) {
        BlenderSequences sequences = sequences(set(documents(300, 6)), 1,
                new BlenderSettings(1.0 / 3, 1.0 / 3, 1.0 / 3, SharesOf.EXAMPLES, 3, 64, 0.15, lossOn));
        int count = sequences.perEpoch();
        Batch batch = sequences.batch(0, count);
        List<int[]> seen = new ArrayList<>();
        long learned = 0;
        for (int row = 0; row < count; row++) {
            int[] ids = new int[LENGTH + 1];
            for (int i = 0; i < LENGTH; i++) {
                ids[i] = (int) batch.inputs()[row * LENGTH + i];
                ids[i + 1] = (int) batch.targets()[row * LENGTH + i];
            }
            int at = 0;
            while (at < ids.length && ids[at] != VOCABULARY.endOfText()) {
                int end = at;
                while (ids[end] != VOCABULARY.endOfText()) {
                    end++;
                }
                int[] example = Arrays.copyOfRange(ids, at, end + 1);
                seen.add(example);
                int first = lossOn == LossOn.ALL ? 1 : FORMAT.answer(example);
                for (int i = Math.max(at, 1); i <= end; i++) {
                    assertEquals(i - at < first ? Batch.MASKED : FORMAT.objective(example).ordinal(),
                            batch.groups()[row * LENGTH + i - 1]);
                }
                learned += example.length - first;
                at = end + 1;
            }
            for (int i = at; i < ids.length; i++) {
                assertEquals(VOCABULARY.endOfText(), ids[i]);
                assertEquals(Batch.MASKED, batch.groups()[row * LENGTH + i - 1]);
            }
        }
        assertEquals(learned, LongStream.of(batch.groups()).filter(g -> g != Batch.MASKED).count());
        assertEquals(examples(sequences, 0).stream().map(Arrays::toString).sorted().toList(),
                seen.stream().map(Arrays::toString).sorted().toList());
    }

    @Test
    void aBatchIsAFunctionOfSeedAndPositionAlone() {
        TokenSet set = set(documents(200, 8));
        BlenderSequences used = sequences(set, 1, DEFAULT);
        for (long first : new long[] {0, 50, 3, 1_000, 51, used.perEpoch() - 2}) {
            Batch fresh = sequences(set, 1, DEFAULT).batch(first, 6);
            Batch again = used.batch(first, 6);
            assertArrayEquals(fresh.inputs(), again.inputs());
            assertArrayEquals(fresh.targets(), again.targets());
            assertArrayEquals(fresh.groups(), again.groups());
            for (int i = 0; i < 6; i++) {
                assertArrayEquals(Arrays.copyOfRange(fresh.inputs(), i * LENGTH, (i + 1) * LENGTH),
                        used.batch(first + i, 1).inputs());
            }
        }
        assertFalse(Arrays.equals(used.batch(0, 6).inputs(), sequences(set, 2, DEFAULT).batch(0, 6).inputs()));
        assertNotEquals(examples(used, 0).stream().map(Arrays::toString).toList(),
                examples(used, 1).stream().map(Arrays::toString).toList(), "an epoch has cuts of its own");
    }

    @Test
    void anExamplesObjectiveAndCutsDependOnItsNumberAndNotOnItsNeighbours() {
        int[] text = IntStream.range(0, 50).toArray();
        BlenderExamples examples = new BlenderExamples(VOCABULARY, DEFAULT, 3, 2);
        List<String> forward = IntStream.range(0, 30)
                .mapToObj(i -> Arrays.toString(examples.example(examples.objective(i), i, text))).toList();
        for (int i = 29; i >= 0; i--) {
            BlenderExamples fresh = new BlenderExamples(VOCABULARY, DEFAULT, 3, 2);
            assertEquals(forward.get(i), Arrays.toString(fresh.example(fresh.objective(i), i, text)));
        }
        assertTrue(forward.stream().distinct().count() > 15);
    }

    @Test
    void mixturesAreWhatWasAskedFor() {
        TokenSet set = set(IntStream.range(0, 200).mapToObj(i -> "some words and more of them ".repeat(i)).toList());
        double[][] mixtures = {{1.0 / 3, 1.0 / 3, 1.0 / 3}, {0.5, 0.2, 0.3}, {0, 1, 0}, {0, 0, 1}};
        for (double[] shares : mixtures) {
            for (SharesOf sharesOf : SharesOf.values()) {
                Composition composition =
                        sequences(set, 0, mixture(shares[0], shares[1], shares[2], sharesOf)).composition(0);
                for (int i = 0; i < 3; i++) {
                    Composition.Part part = composition.parts().get(i);
                    double share = sharesOf == SharesOf.EXAMPLES ? (double) part.examples() / composition.examples()
                            : (double) part.tokens() / composition.tokens();
                    assertEquals(shares[i], share, shares[i] % 1 == 0 ? 0.01 : 0.04);
                }
                assertTrue(composition.paddingShare() < 0.01, "padding " + composition.paddingShare());
            }
        }
    }

    @Test
    void paddingIsBelowOnePercentForLongAndShortDocuments() {
        for (List<String> documents : List.of(documents(500, 9),
                IntStream.range(0, 2_000).mapToObj(i -> "a line of text, the " + i + "th").toList(),
                IntStream.range(0, 2_000).mapToObj(i -> "a longer line of text, and the number of it is "
                + i * i).toList())) {
            double padding = new BlenderSequences(set(documents), VOCABULARY, 128, 0,
                    DEFAULT).composition(0).paddingShare();
            assertTrue(padding < 0.01, "padding " + padding);
        }
    }

    @Test
    void spansAndMasksHaveTheLengthsAndRateAskedFor() {
        BlenderSettings settings = new BlenderSettings(0.5, 0, 0.5, SharesOf.EXAMPLES, 5, 20, 0.25, LossOn.ALL);
        TokenSet set = set(List.of("word and number ".repeat(4_000)));
        int[] spans = new int[LENGTH];
        int mask = VOCABULARY.id(SpecialToken.SINGLE_TOK_MASK);
        for (int[] example : examples(sequences(set, 0, settings), 0)) {
            if (FORMAT.objective(example) == BlendedObjective.FILL_IN_THE_MIDDLE) {
                spans[example.length - 1 - FORMAT.answer(example)]++;
            } else if (FORMAT.objective(example) == BlendedObjective.MASKED) {
                long masks = Arrays.stream(example).filter(id -> id == mask).count();
                assertEquals(Math.round(0.25 * FORMAT.undo(example).length), masks);
            }
        }
        for (int span = 0; span < LENGTH; span++) {
            assertEquals(span >= 5 && span <= 20, spans[span] > 0, "spans of " + span);
        }
    }

    @Test
    void textsTooShortForASpanAreCausal() {
        TokenSet set = set(IntStream.range(0, 300).mapToObj(i -> "abc").toList());
        BlenderSettings fill = new BlenderSettings(1, 0, 0, SharesOf.EXAMPLES, 10, 20, 0.15, LossOn.ALL);
        Composition composition = sequences(set, 0, fill).composition(0);
        assertEquals(300, composition.parts().get(BlendedObjective.CAUSAL.ordinal()).examples());
        assertEquals(300, composition.examples());
    }

    private static void assertRefused(String mentioned, Executable action) {
        String message = assertThrows(GerbilException.class, action).getMessage();
        assertTrue(message.contains(mentioned), message);
    }

    @Test
    void whatCannotBePackedIsRefused() {
        TokenSet set = set(documents(50, 3));
        BlenderSettings spans = new BlenderSettings(0.5, 0.25, 0.25, SharesOf.EXAMPLES, 40, 64, 0.15, LossOn.ALL);
        assertRefused("sequences of 64 tokens", () -> sequences(set, 0, spans));
        assertRefused("at least 65", () -> sequences(set(List.of("a")), 0, DEFAULT));
        TokenSet empty = set(IntStream.range(0, 99).mapToObj(i -> "").toList());
        assertRefused("empty documents only", () -> sequences(empty, 0, DEFAULT));
        assertRefused("without <fitm_start>",
                () -> new BlenderSequences(set, Vocabulary.cut(1_024), LENGTH, 0, DEFAULT));
    }
}
