package gerbil.eval;

import gerbil.base.GerbilException;

import java.nio.file.Path;
import java.util.List;

/**
 * A benchmark as lm-evaluation-harness 0.4.13 defines it, without examples in the prompt, on a file in its own format.
 */
public sealed interface Task permits LastWord, MultipleChoice, RollingText {

    /** All tasks. */
    List<Task> ALL = List.of(LastWord.LAMBADA_OPENAI, MultipleChoice.HELLASWAG, MultipleChoice.WINOGRANDE,
            MultipleChoice.PIQA, RollingText.TEXT);

    /** Its name in lm-evaluation-harness. */
    String name();

    /**
     * Scores a model.
     *
     * @param file the dataset's, a JSON object a line
     * @param limit take at most so many items, from the beginning
     * @throws GerbilException if the file is missing, or an item is not in the dataset's format or without an answer;
     *     the line is named
     */
    TaskResult score(Scorer scorer, Path file, int limit);

    /** The file of a task in a folder of task files: {@code <name>.jsonl}. */
    default Path in(Path folder) {
        return folder.resolve(name() + ".jsonl");
    }

    /**
     * @throws GerbilException if there is no task of that name
     */
    static Task of(String name) {
        return ALL.stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow(() -> new GerbilException(
                "task '" + name + "'", "one of " + ALL.stream().map(Task::name).toList(), "choose one of these"));
    }
}
