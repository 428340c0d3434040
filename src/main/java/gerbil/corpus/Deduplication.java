package gerbil.corpus;

import gerbil.base.GerbilException;

import java.util.Locale;

/** Which documents count as duplicates of an earlier one. */
public enum Deduplication {

    /** None: every document stays. */
    NONE,

    /** Those with the same characters, whitespace at the ends of lines apart. */
    EXACT,

    /** Those too whose sets of five words in a row are as similar as {@link DuplicateIndex#SIMILARITY}. */
    NEAR;

    /**
     * @throws GerbilException if there is none of that name
     */
    public static Deduplication of(String name) {
        for (Deduplication kind : values()) {
            if (kind.label().equals(name)) {
                return kind;
            }
        }
        throw new GerbilException("deduplication '" + name + "'", "none, exact or near", "choose one of them");
    }

    /** {@code near}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
