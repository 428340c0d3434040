package gerbil.runs;

import gerbil.base.GerbilException;
import gerbil.base.Unchecked;
import gerbil.corpus.SourceJars;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunSpec;

import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * All runs under a folder, and those that a name means. A run is called by its folder below that one ({@code
 * Gerbil-A-92k/seed0-a8c3b262}), by its id or the hash in it, or by its model, as others may be, too.
 */
public final class RunList {

    private final Path runs;
    private final List<RunDirectory> all;

    private RunList(Path runs) {
        this.runs = runs;
        all = RunDirectory.all(runs);
    }

    /** The runs that are there now. */
    public static RunList under(Path runs) {
        return new RunList(runs);
    }

    /** A line a run, by name. */
    public List<RunSummary> summaries() {
        return all.stream().map(run -> RunSummary.of(name(run), run)).toList();
    }

    /** The runs that have finished and are whole, by name. */
    public SortedMap<String, RunDirectory> finished() {
        return new TreeMap<>(all.stream().filter(run -> run.state().equals(RunDirectory.FINISHED))
                .collect(Collectors.toMap(this::name, run -> run)));
    }

    /** What a run is called without doubt: its folder below that of all runs. */
    public String name(RunDirectory run) {
        return runs.relativize(run.folder()).toString();
    }

    /**
     * The runs of a name that have a checkpoint, the likeliest to be meant first: the default run of the default
     * corpus, then the newest.
     *
     * @throws GerbilException if there is none
     */
    public List<RunDirectory> trained(String name) {
        return called(name, run -> run.latestCheckpoint().isPresent(), Comparator
                .comparing((RunDirectory run) -> !isDefault(run))
                .thenComparing(run -> run.latestCheckpoint().orElseThrow().folder().toFile().lastModified(),
                        Comparator.reverseOrder()), "trained " + name, "a run with a checkpoint");
    }

    /**
     * The runs of a name that have a result, by name.
     *
     * @throws GerbilException if there is none
     */
    public List<RunDirectory> finished(String name) {
        return called(name, run -> run.result().isPresent(), Comparator.comparing(this::name), "finished " + name,
                "a run that has come to its end");
    }

    /**
     * The runs of a name, those that are trained now first, then those started last, whether they have a checkpoint yet
     * or not.
     *
     * @throws GerbilException if there is none
     */
    public List<RunDirectory> started(String name) {
        return called(name, run -> true, Comparator.comparing((RunDirectory run) -> !isHeld(run))
                .thenComparing(RunDirectory::started, Comparator.reverseOrder()), "run of " + name, "a run");
    }

    private List<RunDirectory> called(String name, Predicate<RunDirectory> which, Comparator<RunDirectory> order,
                                      String found, String expected) {
        List<RunDirectory> called = all.stream().filter(run -> isCalled(run, name)).filter(which).sorted(order)
                .toList();
        if (called.isEmpty()) {
            throw new GerbilException("no " + found + " under " + runs, expected,
                    "train it first, or name one of the models in that folder");
        }
        return called;
    }

    private boolean isCalled(RunDirectory run, String name) {
        if (name(run).equals(name)) {
            return true;
        }
        try {
            RunSpec spec = run.spec();
            return spec.model().equals(name) || spec.runId().equals(name) || spec.runId().endsWith("-" + name);
        } catch (GerbilException | UncheckedIOException e) {
            return false;
        }
    }

    private static boolean isDefault(RunDirectory run) {
        return run.spec().isDefault()
                && run.environment().map(RunEnvironment::corpus).filter(SourceJars.NAME::equals).isPresent();
    }

    private static boolean isHeld(RunDirectory run) {
        return Unchecked.io(() -> run.holder().isPresent());
    }
}
