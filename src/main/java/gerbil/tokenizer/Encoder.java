package gerbil.tokenizer;

/** Text to ids, as {@link Tokenizer} offers it. Safe for use by many threads. */
interface Encoder {

    /**
     * Appends the ids of a text in which nothing is a tag.
     *
     * @param utf8 well-formed
     */
    void encode(byte[] utf8, IdBuffer ids);

    /** Appends the ids of a text whose tags are meant as such. */
    void encodeTagged(String text, IdBuffer ids);
}
