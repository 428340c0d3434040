package gerbil.corpus;

import java.util.Collection;
import java.util.stream.Stream;

/**
 * A collection of documents in files, read a few megabytes at a time in an order that depends on nothing but the seed
 * and the files.
 *
 * <p>Where files can be entered at any place (plain jsonl, parquet's row groups, texts, jars), pieces of them are
 * shuffled, and the documents within each piece. A compressed jsonl file has one entrance: it is read from its
 * beginning, shuffled a few megabytes at a time.
 */
public interface Corpus {

    /** A short label; it changes when the rules that select documents from the same files change. */
    String name();

    /** The corpus's slices in the order of a seed. Must be closed. */
    Stream<Slice> slices(long seed);

    /** Changes when a file does, as far as this can be told without reading the files. */
    String identity();

    /**
     * Some of the files that the documents come from, those which slices have named.
     *
     * @throws java.io.UncheckedIOException if a file cannot be read for its checksum
     */
    Provenance provenance(Collection<String> files);

    /** All files that the documents come from. Reads each for its checksum. */
    Provenance provenance();

    /**
     * All documents in the order of a seed, duplicates among them. The stream is sequential and must be closed; its
     * iterator, unlike its other operations, holds a slice's documents at once.
     *
     * @throws gerbil.base.GerbilException while the stream is consumed, if a document or a file is bad; it is named
     */
    default Stream<Document> documents(long seed) {
        return slices(seed).flatMap(Slice::blocks).flatMap(block -> {
            Block.Content content = block.read();
            content.defects().stream().findFirst().ifPresent(defect -> {
                throw defect.refusal();
            });
            if (content.rest() != null) {
                throw content.rest();
            }
            return content.documents().stream();
        });
    }
}
