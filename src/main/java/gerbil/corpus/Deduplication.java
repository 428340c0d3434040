package gerbil.corpus;

import gerbil.base.Choice;
import gerbil.base.GerbilException;

/** Which documents count as duplicates of an earlier one. */
public enum Deduplication implements Choice {

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
        return Choice.of(values(), "deduplication", name);
    }
}
