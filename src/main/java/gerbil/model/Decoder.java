package gerbil.model;

/** The model along one growing sequence; it may keep what it has computed for the tokens before. */
interface Decoder extends AutoCloseable {

    /**
     * Continues a sequence.
     *
     * @param ids the sequence so far: that of the last call, what it returned, or more
     * @param draws numbers in [0, 1), one a token to be drawn
     * @return the tokens drawn
     */
    int[] next(int[] ids, double[] draws);

    @Override
    void close();
}
