package gerbil.runs;

import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import gerbil.hub.Import;
import gerbil.hub.LanguageModel;
import gerbil.hub.ModelCard;
import gerbil.model.Devices;
import gerbil.model.GptJ;
import gerbil.spec.BaseModel;
import gerbil.spec.RunSpec;

import java.io.IOException;
import java.nio.file.Files;
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
     * @throws GerbilException if the run has none
     */
    public static TrainedModel open(RunDirectory run) {
        return open(run, run.requireCheckpoint());
    }

    /**
     * The model in a folder: of a run's newest checkpoint, of a checkpoint, or one of transformers.
     *
     * @throws GerbilException if the folder holds none of them
     */
    public static LanguageModel openFolder(Path folder) throws IOException {
        return Import.isFolder(folder) ? Import.open(folder) : openRun(folder);
    }

    /**
     * The model in a folder of a run, of its newest checkpoint, or of a checkpoint.
     *
     * @throws GerbilException if the folder holds none of them
     */
    public static TrainedModel openRun(Path folder) {
        Optional<Checkpoint> checkpoint = Checkpoint.at(folder.toAbsolutePath());
        return checkpoint.isPresent()
                ? open(RunDirectory.open(checkpoint.get().folder().getParent().getParent()), checkpoint.get())
                : open(RunDirectory.open(folder));
    }

    /**
     * The finished model that a run of a star class continues.
     *
     * @throws GerbilException if it has not finished, or there is none
     */
    public static TrainedModel before(RunSpec spec, Path runs) {
        RunSpec before = spec.before().orElseThrow(() -> new GerbilException(spec.model() + ", which continues no run",
                "a star class", "name a class such as A*"));
        RunDirectory run = RunDirectory.of(runs, before);
        if (!run.state().equals(RunDirectory.FINISHED)) {
            throw new GerbilException(spec.model() + ", which continues " + before.model() + " of seed " + spec.seed()
                    + " on the same tokens, and " + (Files.exists(run.folder()) ? run : "no such run under " + runs),
                    "a finished run with its last checkpoint", "train " + before.model() + " first: size "
                    + before.size() + ", class " + before.budgetClass());
        }
        return open(run);
    }

    private static TrainedModel open(RunDirectory run, Checkpoint checkpoint) {
        NDManager manager = NDManager.newBaseManager(Devices.of(run.record().spec().config()));
        return new TrainedModel(run, checkpoint, run.model(checkpoint, manager));
    }

    /** What the model was trained as. */
    public RunSpec spec() {
        return spec;
    }

    /** What a run that begins with this model says of it. */
    public BaseModel base() {
        return base(spec.model());
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
