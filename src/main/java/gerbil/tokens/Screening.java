package gerbil.tokens;

import gerbil.corpus.Deduplication;

/**
 * Which documents of a corpus are left out.
 *
 * @param deduplication what counts as a duplicate of an earlier document
 * @param badDocuments how many may be passed over because they cannot be read; one more ends the preparation
 * @param skipBadFiles whether the rest of a damaged file is passed over too
 */
public record Screening(Deduplication deduplication, int badDocuments, boolean skipBadFiles) {

    /** Exact duplicates, and up to a thousand bad documents; a damaged file ends the preparation. */
    public static final Screening DEFAULT = new Screening(Deduplication.EXACT, 1_000, false);
}
