package gerbil.corpus;

import gerbil.spec.GerbilException;

import java.util.stream.Stream;

/** A collection of documents. Exact copies of a text occur once. */
public interface Corpus {

    /** A short label; it changes when the rules that select documents from the same files change. */
    String name();

    /**
     * All documents, read one at a time as the stream is consumed, in an order that depends on nothing but the seed
     * and the documents' ids. The stream is sequential and must be closed.
     *
     * @throws GerbilException while the stream is consumed, if a document cannot be read; its file (and line) is named
     */
    Stream<Document> documents(long seed);

    /** The files that the documents come from. */
    Provenance provenance();
}
