package gerbil.train;

import gerbil.base.GerbilException;

/** A step that was given up between two passes because its thread was interrupted. */
final class InterruptedStep extends GerbilException {

    private static final long serialVersionUID = 1;

    InterruptedStep() {
        super("an interrupt within a training step", "time for the whole step", "start it again");
    }
}
