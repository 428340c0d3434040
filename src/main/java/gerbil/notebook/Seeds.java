package gerbil.notebook;

import gerbil.runs.RunDirectory;
import gerbil.spec.RunSpec;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;

/** Runs that differ in nothing but the seed. */
record Seeds(RunSpec spec, List<RunDirectory> runs) {

    /** All runs, together with those of other seeds, in the order in which the first of them comes. */
    static List<Seeds> of(Collection<RunDirectory> runs) {
        return runs.stream().collect(Collectors.groupingBy(run -> run.spec().withoutSeed(), LinkedHashMap::new,
                Collectors.toList())).entrySet().stream().map(e -> new Seeds(e.getKey(), e.getValue())).toList();
    }

    /** "Gerbil-A-40k, 3 seeds"; settings of one's own are told by the run's id. */
    String name() {
        return spec.model() + (spec.isDefault() ? "" : ", " + runs.get(0).spec().runId())
                + (runs.size() == 1 ? "" : ", " + runs.size() + " seeds");
    }

    List<LossCurve> curves() {
        return runs.stream().map(run -> LossCurve.of(run.metrics())).toList();
    }
}
