package gerbil.model;

/** The model's logits along one growing sequence; it may keep what it has computed for the tokens before. */
interface Decoder extends AutoCloseable {

    /**
     * @param ids the sequence so far: that of the last call and at least one token more
     * @return logits of the token that follows, (vocabulary)
     */
    float[] next(int[] ids);

    @Override
    void close();
}
