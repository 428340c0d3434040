package gerbil.corpus;

import gerbil.base.GerbilException;

/** A file whose remaining documents cannot be reached: truncated, damaged, of another format or encoding. */
public final class BadFile extends GerbilException {

    private static final long serialVersionUID = 1;

    private final transient Defect defect;

    /**
     * @param file its name within the corpus
     * @param line the last one that was read, 0 for none
     */
    BadFile(String file, long line, String reason, Throwable cause) {
        super(file + " " + reason + (line > 0 ? ", after line " + line : ""), "a file that can be read to its end",
                "get or save this file again, or pass over the rest of bad files", cause);
        defect = new Defect(file, line, reason);
    }

    /** The file, and how far it could be read. */
    public Defect defect() {
        return defect;
    }
}
