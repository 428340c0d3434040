package gerbil.cli;

import gerbil.runs.RunDirectory;
import gerbil.runs.RunList;
import gerbil.runs.Workspace;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.BiFunction;

/** A run by its directory or by name; where a name means several, what was taken is said in a line. */
final class NamedRun {

    private NamedRun() {
    }

    /**
     * @param called those that a name means, the likeliest first
     */
    static RunDirectory find(String name, BiFunction<RunList, String, List<RunDirectory>> called) {
        if (Files.isDirectory(Path.of(name))) {
            return RunDirectory.at(Path.of(name));
        }
        RunList list = Workspace.here().runList();
        List<RunDirectory> runs = called.apply(list, name);
        if (runs.size() > 1) {
            System.err.printf(Locale.ROOT, "%s is the name of %d runs: taking %s. Another is named by its folder or "
                    + "hash, which gerbil list shows.%n", name, runs.size(), list.name(runs.get(0)));
        }
        return runs.get(0);
    }
}
