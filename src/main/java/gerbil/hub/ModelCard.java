package gerbil.hub;

import gerbil.spec.RunRecord;
import gerbil.spec.RunResult;

import java.util.Optional;

/**
 * What to know of a model before using it: {@code README.md} of an exported folder.
 *
 * @param run what was trained, where and on what
 * @param step after which the weights were taken
 * @param result of the run, if it has finished
 */
public record ModelCard(RunRecord run, int step, Optional<RunResult> result) {

    /** The card in Markdown, with the front matter that model hubs read. */
    public String markdown() {
        return "# " + run.spec().model() + "\n";
    }
}
