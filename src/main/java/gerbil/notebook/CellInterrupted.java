package gerbil.notebook;

/** Ends an interrupted cell where it prints: an error, so that no cell takes it for one of its own exceptions. */
final class CellInterrupted extends Error {

    private static final long serialVersionUID = 1;

    CellInterrupted() {
        super("the cell was stopped while it printed", null, false, false);
    }
}
