package gerbil.runs;

import ai.djl.ndarray.NDManager;
import gerbil.hub.Import;
import gerbil.hub.LanguageModel;
import gerbil.hub.ModelCard;
import gerbil.model.Devices;
import gerbil.model.GptJ;
import gerbil.spec.RunSpec;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** A run's model with its tokenizer, ready to write text. */
public final class TrainedModel extends LanguageModel {

    private final RunSpec spec;
    private final ModelCard card;

    private TrainedModel(RunDirectory run, Checkpoint checkpoint, GptJ model) {
        super(model, run.vocabulary());
        spec = run.record().spec();
        card = new ModelCard(run.record(), checkpoint.step(), run.result());
    }

    /**
     * The model of a run's newest checkpoint.
     *
     * @throws gerbil.base.GerbilException if the run has none
     */
    public static TrainedModel open(RunDirectory run) {
        return open(run, run.requireCheckpoint());
    }

    /**
     * The model after a step.
     *
     * @throws gerbil.base.GerbilException if the run keeps no checkpoint of that step
     */
    public static TrainedModel open(RunDirectory run, int step) {
        return open(run, run.requireCheckpoint(step));
    }

    /**
     * The model in a folder: of a run's newest checkpoint, of a checkpoint, or one of transformers.
     *
     * @throws gerbil.base.GerbilException if the folder holds none of them
     */
    public static LanguageModel openFolder(Path folder) throws IOException {
        if (Import.isFolder(folder)) {
            return Import.open(folder);
        }
        Optional<Checkpoint> checkpoint = Checkpoint.at(folder.toAbsolutePath());
        return checkpoint.isPresent()
                ? open(RunDirectory.open(checkpoint.get().folder().getParent().getParent()), checkpoint.get())
                : open(RunDirectory.open(folder));
    }

    private static TrainedModel open(RunDirectory run, Checkpoint checkpoint) {
        NDManager manager = NDManager.newBaseManager(Devices.of(run.record().spec().config()));
        return new TrainedModel(run, checkpoint, run.model(checkpoint, manager));
    }

    /** What the model was trained as. */
    public RunSpec spec() {
        return spec;
    }

    /** What to say of the model where it is shared. */
    public ModelCard card() {
        return card;
    }

    @Override
    public String toString() {
        return spec.model();
    }
}
