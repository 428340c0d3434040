package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class FingerprintTest {

    private static final int TEXTS = 60;

    @TempDir
    Path temp;

    /** Token sets that were begun are gone on with by what they were begun with. */
    @Test
    void fingerprintsOfWordsBetweenSpacesArePartOfTheFormat() {
        assertFingerprint(IntStream.range(0, 400)
                .mapToObj(i -> "Word" + i * 7919 % 1000 + (i % 9 == 0 ? ";\n" : " ")).collect(Collectors.joining()),
                -4900097836084622628L, 1248804795);
        assertFingerprint("Größe, żółć ΑΒΓ и текст 한국어 문장 हिन्दी पाठ", 118600318864599175L, -1898934778);
    }

    private static void assertFingerprint(String text, long exact, int minima) {
        Fingerprint found = Fingerprint.of(text, Deduplication.NEAR);
        assertEquals(exact, found.exact());
        assertEquals(minima, Arrays.hashCode(found.minima()));
    }

    /** An alphabet's first and last code point, and the letters that a word has at most, 0 for no spaces. */
    @ParameterizedTest
    @CsvSource({"Latin, 0x61, 0x7A, 9", "Cyrillic, 0x430, 0x44F, 9", "Hebrew, 0x5D0, 0x5EA, 7",
        "Arabic, 0x627, 0x64A, 7", "Arabic with vowels, 0x627, 0x652, 9", "Devanagari, 0x905, 0x94D, 9",
        "Tamil, 0xB85, 0xBCD, 9",
        "Ethiopic, 0x1200, 0x1248, 6", "Hangul, 0xAC00, 0xD7A3, 5", "Thai, 0xE01, 0xE4D, 0", "Lao, 0xEA1, 0xECD, 0",
        "Burmese, 0x1000, 0x103E, 0", "Khmer, 0x1780, 0x17D2, 0", "Javanese, 0xA984, 0xA9C0, 0",
        "Chinese, 0x4E00, 0x9FA5, 0", "Kana, 0x3041, 0x30FA, 0", "CJK extension B, 0x20000, 0x2A6DF, 0",
        "Gothic, 0x10330, 0x1034A, 8", "Deseret, 0x10400, 0x1044F, 8", "Adlam, 0x1E900, 0x1E943, 8",
        "cuneiform, 0x12000, 0x12399, 0", "hieroglyphs, 0x13000, 0x1342E, 0", "emoji, 0x1F300, 0x1F64F, 0",
        "mathematical letters, 0x1D400, 0x1D7FF, 6"})
    void nearCopiesAreFoundAndDistinctTextsAreKeptInEveryScript(String script, String first, String last, int word)
            throws IOException {
        Random random = new Random(script.hashCode());
        int found = 0;
        try (DuplicateIndex index = new DuplicateIndex(temp, Deduplication.NEAR, 0)) {
            for (int i = 0; i < TEXTS; i++) {
                List<String> text = random.ints(word == 0 ? 600 : 250, 0, 3_000)
                        .mapToObj(w -> word(w, Integer.decode(first), Integer.decode(last), word)).toList();
                List<String> changed = new ArrayList<>(text);
                changed.set(random.nextInt(text.size()),
                        word(-1 - i, Integer.decode(first), Integer.decode(last), word));
                String between = word == 0 ? "" : " ";
                assertEquals(Optional.empty(), index.add("text", near(String.join(between, text))), script);
                found += index.add("copy", near(String.join(between, changed))).isPresent() ? 1 : 0;
            }
        }
        assertTrue(found >= TEXTS - 1, script + ": " + found + " of " + TEXTS);
    }

    private static Fingerprint near(String text) {
        return Fingerprint.of(text, Deduplication.NEAR);
    }

    /** A word of a vocabulary, or one character. */
    private static String word(int number, int first, int last, int longest) {
        return new Random(number).ints(longest == 0 ? 1 : 2 + Math.floorMod(number, longest - 1), first, last + 1)
                .filter(Character::isDefined).mapToObj(Character::toString).collect(Collectors.joining());
    }

    @Test
    void halfACharacterIsNoWord() {
        String half = "\uD800";
        assertTrue(Arrays.equals(near("one two three four five").minima(),
                near("one " + half + " two three four five" + half).minima()));
    }
}
