package gerbil.base;

/**
 * The one exception for what a reader of the kit can mend: its message is a sentence each on what was found, what was
 * expected and what to do. The command line and the notebooks print the message alone.
 */
public class GerbilException extends RuntimeException {

    private static final long serialVersionUID = 1;

    /**
     * @param found what is there, named: "the class is 'E'"
     * @param expected what should be there: "one of A, B, C, D"
     * @param remedy what to do, as an imperative: "choose one of them"
     */
    public GerbilException(String found, String expected, String remedy) {
        super("Found: " + found + ". Expected: " + expected + ". To do: " + remedy + ".");
    }

    /** As the other constructor, keeping what caused it. */
    public GerbilException(String found, String expected, String remedy, Throwable cause) {
        this(found, expected, remedy);
        initCause(cause);
    }

    /** What to tell of a file that cannot be read or written. */
    public static GerbilException ofFile(Exception cause) {
        return new GerbilException("a file that cannot be read or written (" + cause.getMessage() + ")",
                "a readable file and room on the disk", "check the path, its rights and the space left", cause);
    }

    private GerbilException(String message) {
        super(message, null, false, false);
    }

    /** The message alone, for where the stack trace and the cause are shown apart. */
    public GerbilException withoutTrace() {
        return new GerbilException(getMessage());
    }
}
