package gerbil.results;

import gerbil.base.Folders;
import gerbil.base.WholeFile;
import gerbil.spec.ModelSize;
import gerbil.spec.RunResult;
import gerbil.spec.RunSpec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Locale;
import java.util.SortedSet;
import java.util.TreeSet;

/** The record of learning-rate sweeps: {@code learning-rates.csv}, a line a trial. */
public final class LearningRates {

    private static final String HEADER =
            "size,objective,class,learning_rate,seed,training_loss,heldout_loss,code_version";

    private static final Comparator<String> ORDER = Comparator
            .comparing((String line) -> ModelSize.ALL.indexOf(ModelSize.of(line.split(",")[0])))
            .thenComparing(line -> line.split(",")[1])
            .thenComparing(line -> line.split(",")[2])
            .thenComparing(line -> Double.valueOf(line.split(",")[3]))
            .thenComparing(Comparator.naturalOrder());

    private LearningRates() {
    }

    /**
     * Adds a trial; one that is there already is not added again, and a run that differs from the default one in more
     * than the rate and the seed is none.
     */
    public static void record(Path results, RunResult trial) throws IOException {
        RunSpec spec = trial.spec();
        if (!spec.withSeed(0).withLearningRate(spec.modelSize().learningRate()).isDefault()) {
            return;
        }
        Path file = Folders.create(results).resolve("learning-rates.csv");
        SortedSet<String> lines = new TreeSet<>(ORDER);
        if (Files.exists(file)) {
            Files.readAllLines(file).stream().filter(line -> !line.equals(HEADER)).forEach(lines::add);
        }
        lines.add(String.format(Locale.ROOT, "%s,%s,%s,%s,%d,%.4f,%.4f,%s", spec.size(), spec.objective().label(),
                spec.budgetClass(), spec.optimizer().learningRate(), spec.seed(), trial.trainingLoss(),
                trial.heldoutLoss(), trial.environment().codeVersion()));
        WholeFile.write(file, HEADER + "\n" + String.join("\n", lines) + "\n");
    }
}
