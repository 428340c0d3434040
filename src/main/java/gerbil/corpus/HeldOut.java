package gerbil.corpus;

/**
 * The split into training and held-out documents. It is a function of a document's text alone, so duplicates of a text
 * fall on the same side in every corpus, for every seed.
 */
public final class HeldOut {

    /** One document in so many is held out, on average. */
    public static final int ONE_IN = 100;

    private HeldOut() {
    }

    /** Whether this document is kept out of training. */
    public static boolean contains(Document document) {
        return contains(document.textHash());
    }

    /** The same of the document's {@link Document#textHash()}. */
    public static boolean contains(long textHash) {
        return Long.remainderUnsigned(textHash, ONE_IN) == 0;
    }
}
