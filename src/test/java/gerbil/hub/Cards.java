package gerbil.hub;

import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunEnvironment;
import gerbil.spec.RunRecord;
import gerbil.spec.RunSpec;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;

import java.util.Optional;

/** Cards of runs that were never made, for folders of models that were never trained. */
final class Cards {

    private Cards() {
    }

    static ModelCard of(String size) {
        Objective objective = size.endsWith("blender") ? Objective.BLENDER : Objective.CAUSAL;
        RunSpec spec = RunSpec.of(ModelSize.of(size.replaceFirst("-.*", "")), BudgetClass.A, objective, 0, "gpt2",
                "data", "heldout");
        return new ModelCard(new RunRecord(spec, new RunEnvironment("0.1.0", "cpu", 1, "PyTorch", "17", "source-jars",
                "hash", new StepSettings(TrainingPath.FUSED, Precision.FLOAT32, 8, 64, 1, false, 1),
                "2026-01-01T00:00:00Z")), 7, Optional.empty());
    }
}
