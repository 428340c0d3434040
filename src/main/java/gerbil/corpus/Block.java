package gerbil.corpus;

import java.util.List;
import java.util.function.Supplier;

/**
 * A few megabytes of documents, or one larger document: what is read, and encoded, at once.
 *
 * @param bytes about how much memory its text takes
 * @param reader what reads and parses it
 */
public record Block(long bytes, Supplier<Content> reader) {

    /**
     * Reads and parses it; blocks of one slice may be read by several threads at once.
     *
     * @throws BadFile if the file is damaged before its first document
     */
    public Content read() {
        return reader.get();
    }

    /**
     * @param documents in the order of the seed
     * @param defects what could not be read as a document
     * @param blank how many documents were passed over because they are empty or whitespace
     * @param rest why what follows in the file cannot be read, or null
     */
    public record Content(List<Document> documents, List<Defect> defects, int blank, BadFile rest) {

        /** With nothing after it that is bad. */
        public Content(List<Document> documents, List<Defect> defects, int blank) {
            this(documents, defects, blank, null);
        }
    }
}
