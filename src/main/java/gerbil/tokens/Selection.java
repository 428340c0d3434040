package gerbil.tokens;

/**
 * Which of a corpus's documents, taken in its order, become part of the token sets: those that are no duplicates, in
 * each split up to the one by which it has the tokens asked for.
 */
final class Selection {

    private final long trainTokens;
    private final long heldOutTokens;
    private final SplitCounts train = new SplitCounts();
    private final SplitCounts heldOut = new SplitCounts();

    Selection(long trainTokens, long heldOutTokens) {
        this.trainTokens = trainTokens;
        this.heldOutTokens = heldOutTokens;
    }

    /** What was selected so far. */
    SplitCounts train() {
        return train;
    }

    /** What was selected so far. */
    SplitCounts heldOut() {
        return heldOut;
    }

    boolean trainIsFull() {
        return train.tokens() >= trainTokens;
    }

    private boolean heldOutIsFull() {
        return heldOut.tokens() >= heldOutTokens;
    }

    /** Whether no document will be selected any more. */
    boolean isDone() {
        return trainIsFull() && heldOutIsFull();
    }

    /**
     * Selects the next document, or passes it over.
     *
     * @param duplicate whether it is one of a document before
     * @param tokens without {@code <|endoftext|>}
     * @return whether it is selected
     */
    boolean select(boolean isHeldOut, boolean duplicate, String subset, int tokens, int utf8Bytes) {
        if (duplicate || (isHeldOut ? heldOutIsFull() : trainIsFull())) {
            return false;
        }
        (isHeldOut ? heldOut : train).add(subset, new TokenSetManifest.Subset(1, tokens + 1L, utf8Bytes));
        return true;
    }
}
