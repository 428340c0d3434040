package gerbil.corpus;

import java.lang.Character.UnicodeScript;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;

/**
 * What a document is compared by. Words are runs of letters and digits in lower case; in scripts that are written
 * without spaces, and beyond U+FFFF, where emoji are too, each character is a word. The set compared is that of the
 * hashes of {@value #SHINGLE} words in a row. Its signature is MinHash by one permutation (Li, Owen, Zhang 2012):
 * hashes fall into {@value #BINS} bins by their first bits, and a bin's least value stays; an empty bin takes that of
 * another (Shrivastava 2017, optimal densification).
 *
 * @param exact hash of the text without whitespace at the ends of its lines
 * @param minima the least hash of each bin; null where near duplicates do not count
 */
public record Fingerprint(long exact, long[] minima) {

    static final int BINS = 128;
    private static final int SHINGLE = 5;
    private static final int BIN_SHIFT = Long.SIZE - 7;
    private static final long EMPTY = -1L >>> 1;
    /** Those up to U+FFFF, besides ideographs; Thai is the first of all in Unicode's order. */
    private static final Set<UnicodeScript> UNSPACED = EnumSet.of(UnicodeScript.THAI, UnicodeScript.LAO,
            UnicodeScript.MYANMAR, UnicodeScript.KHMER, UnicodeScript.TAI_LE, UnicodeScript.NEW_TAI_LUE,
            UnicodeScript.TAI_THAM, UnicodeScript.BALINESE, UnicodeScript.HIRAGANA, UnicodeScript.KATAKANA,
            UnicodeScript.JAVANESE, UnicodeScript.TAI_VIET);
    private static final int FIRST_UNSPACED = 0x0E00;

    /** The fingerprint that a kind of deduplication needs; exact alone takes a fraction of the time. */
    public static Fingerprint of(String text, Deduplication kind) {
        long exact = kind == Deduplication.NONE ? 0 : exact(text);
        return new Fingerprint(exact, kind == Deduplication.NEAR ? minima(text, exact) : null);
    }

    private static long exact(String text) {
        long hash = 0;
        long atLineEnd = 0;
        int spaces = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n') {
                hash = step(atLineEnd, c);
                atLineEnd = hash;
                spaces = 0;
            } else if (c == ' ' || c == '\t' || c == '\r') {
                hash = step(hash, c);
                spaces++;
            } else {
                hash = step(hash, c);
                atLineEnd = hash;
                spaces = 0;
            }
        }
        return mix(spaces > 0 ? atLineEnd : hash);
    }

    private static long step(long hash, char c) {
        return (Long.rotateLeft(hash, 23) ^ c) * 0x9E3779B97F4A7C15L + 1;
    }

    private static long[] minima(String text, long exact) {
        long[] minima = new long[BINS];
        Arrays.fill(minima, EMPTY);
        long[] last = new long[SHINGLE];
        int words = 0;
        for (int begin = 0; begin < text.length(); ) {
            int end = endOfWord(text, begin);
            if (end == begin) {
                begin++;
                continue;
            }
            last[words++ % SHINGLE] = word(text, begin, end);
            if (words >= SHINGLE) {
                add(minima, shingle(last, words));
            }
            begin = end;
        }
        if (words < SHINGLE) {
            add(minima, words == 0 ? exact : shingle(last, words));
        }
        densify(minima);
        return minima;
    }

    /** Where the word that begins at a place ends; that place if none begins there. */
    private static int endOfWord(String text, int begin) {
        int end = begin;
        while (end < text.length()) {
            int c = text.codePointAt(end);
            if (isWord(c)) {
                return end == begin ? end + Character.charCount(c) : end;
            }
            if (!Character.isLetterOrDigit(c)) {
                return end;
            }
            end++;
        }
        return end;
    }

    /** Whether a character is a word of its own. */
    private static boolean isWord(int c) {
        return c >= FIRST_UNSPACED && (c > Character.MAX_VALUE || Character.isIdeographic(c)
                || Character.isLetterOrDigit(c) && UNSPACED.contains(UnicodeScript.of(c)));
    }

    private static long word(String text, int begin, int end) {
        long word = 0;
        for (int i = begin; i < end; i = text.offsetByCodePoints(i, 1)) {
            word = (word ^ Character.toLowerCase(text.codePointAt(i))) * 0x100000001B3L + 0x2545F491L;
        }
        return mix(word);
    }

    private static long shingle(long[] last, int words) {
        long hash = 0;
        for (int i = Math.max(0, words - SHINGLE); i < words; i++) {
            hash = (Long.rotateLeft(hash, 7) + last[i % SHINGLE]) * 0xC2B2AE3D27D4EB4FL;
        }
        return mix(hash);
    }

    private static void add(long[] minima, long hash) {
        int bin = (int) (hash >>> BIN_SHIFT);
        minima[bin] = Math.min(minima[bin], hash & EMPTY >>> 6);
    }

    private static void densify(long[] minima) {
        long[] found = minima.clone();
        for (int bin = 0; bin < BINS; bin++) {
            for (long attempt = 1; minima[bin] == EMPTY; attempt++) {
                minima[bin] = found[(int) (mix(bin * 0x9E3779B97F4A7C15L + attempt) >>> BIN_SHIFT)];
            }
        }
    }

    /** The finishing steps of MurmurHash3. */
    static long mix(long hash) {
        long h = (hash ^ hash >>> 33) * 0xFF51AFD7ED558CCDL;
        h = (h ^ h >>> 33) * 0xC4CEB9FE1A85EC53L;
        return h ^ h >>> 33;
    }
}
