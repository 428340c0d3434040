package gerbil.corpus;

import gerbil.base.GerbilException;

/**
 * A document that cannot be read, or the rest of a file that cannot.
 *
 * @param file its name within the corpus
 * @param line of a jsonl file or row of a parquet file, from 1; 0 is the whole file
 * @param reason "is not JSON (…)"
 */
public record Defect(String file, long line, String reason) {

    /** {@code b.jsonl:4}. */
    public String place() {
        return line == 0 ? file : file + ":" + line;
    }

    static Defect tooLong(String file, long line) {
        return new Defect(file, line, "is longer than " + RecordFile.LARGEST_DOCUMENT + " bytes");
    }

    GerbilException refusal() {
        return new GerbilException(place() + " " + reason, "a document", "mend or delete it");
    }
}
