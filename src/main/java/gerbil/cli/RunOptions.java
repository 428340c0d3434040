package gerbil.cli;

import gerbil.base.GerbilException;
import gerbil.runs.Workspace;
import gerbil.spec.BaseModel;
import gerbil.spec.BlendedObjective;
import gerbil.spec.BlenderSettings;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunSpec;
import gerbil.spec.Scale;
import gerbil.spec.StepSettings;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import gerbil.train.Hardware;
import gerbil.train.PrintedProgress;
import gerbil.train.StepTuning;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** What plan and train share: which runs, on which tokens. */
final class RunOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;
    private BaseModel base;

    @Option(names = "--size", split = ",", paramLabel = "SIZE",
            description = "Sizes, separated by commas: 40k, 92k, 183k (nano), 3.3m, 6.7m, 15m, 32m, 77m, 104m (paper).")
    private List<String> sizes;

    @Option(names = "--class", split = ",", required = true, paramLabel = "CLASS",
            description = "Budget classes: A, B, C, D = 20, 42, 76, 142 tokens a parameter.")
    private List<String> classes;

    @Option(names = "--objective", defaultValue = "causal", paramLabel = "NAME",
            description = "causal (default), or blender: fill-in-the-middle, causal and masked language modelling.")
    private String objective;

    @Option(names = "--mixture", split = ",", paramLabel = "SHARE",
            description = "Blender: shares of fill-in-the-middle, causal and masked, such as 0.5,0.25,0.25 (default: a "
                    + "third each).")
    private List<Double> mixture;

    @Option(names = "--shares-of", paramLabel = "NAME",
            description = "Blender: shares are of examples (default) or of tokens.")
    private String sharesOf;

    @Option(names = "--spans", split = ",", paramLabel = "N",
            description = "Blender: shortest and longest span to fill in, in tokens (default: 3,64).")
    private List<Integer> spans;

    @Option(names = "--mask-rate", paramLabel = "SHARE",
            description = "Blender: share of the tokens that masked language modelling hides (default: 0.15).")
    private Double maskRate;

    @Option(names = "--loss-on", paramLabel = "NAME",
            description = "Blender: learn from all tokens (default) or from the targets only.")
    private String lossOn;

    @Option(names = "--seed", split = ",", defaultValue = "0", paramLabel = "SEED",
            description = "Seeds, separated by commas, of the initial weights and the order of the data (default: "
                    + "${DEFAULT-VALUE}).")
    private List<Long> seeds;

    @Option(names = "--learning-rate", paramLabel = "RATE",
            description = "Peak learning rate (default: the size's own; with --from a tenth of it).")
    private Double learningRate;

    @Option(names = "--budget", paramLabel = "TOKENS",
            description = "Train on this many tokens, such as 500k or 60M (default: the class's).")
    private String budget;

    @Option(names = "--path", defaultValue = "fused", paramLabel = "NAME",
            description = "fused (default): PyTorch kernels. plain: the same step in ordinary DJL operations.")
    private String path;

    @Option(names = "--precision", paramLabel = "NAME",
            description = "float32, bfloat16 or float16, for the matrix products of the fused path (default: what "
                    + "suits the device and the size).")
    private String precision;

    @Option(names = "--tokens-folder", paramLabel = "FOLDER",
            description = "Token sets to train on (default: the scale's under data/tokens, prepared if missing).")
    private Path tokensFolder;

    /** How a run's step is computed here, said with the reason. */
    StepSettings settings(RunSpec spec) {
        TrainingPath chosen = TrainingPath.of(path);
        if (precision != null) {
            return StepTuning.choose(spec, chosen, Precision.of(precision));
        }
        StepTuning.PrecisionChoice choice = StepTuning.precision(spec, chosen);
        System.err.println(choice.precision().label() + ": " + choice.reason());
        return StepTuning.choose(spec, chosen, choice.precision());
    }

    /** Makes the run one of finetuning; its size, if it is not named, is the model's own. */
    void from(BaseModel model) {
        base = model;
        if (sizes == null) {
            sizes = List.of(ModelSize.of(model.config()).orElseThrow(() -> new GerbilException(model.model()
                    + " with the architecture " + model.config(), "one of the family's, or --size",
                    "name the size whose batch and sequence length are to be used")).name());
        }
    }

    /** Opens the token sets, or prepares them; all other options are checked before that. */
    PreparedTokens tokens(Workspace workspace) {
        if (sizes == null) {
            throw new ParameterException(command.commandLine(), "Missing required option: '--size=SIZE'");
        }
        TrainingPath.of(path);
        blender(Objective.of(objective));
        classes.forEach(BudgetClass::of);
        List<Scale> scales = sizes.stream().map(s -> ModelSize.of(s).scale()).distinct().toList();
        if (scales.size() > 1) {
            throw new GerbilException("sizes of both scales: " + sizes, "sizes of one scale, which share a vocabulary",
                    "name nano and paper sizes in two commands");
        }
        Path folder = tokensFolder == null ? workspace.tokens(scales.get(0)) : tokensFolder;
        // without a corpus, as in a bundle, what lacks is the token set
        return tokensFolder == null && !Files.exists(folder) && workspace.hasCorpus()
                ? workspace.prepare(scales.get(0), new PrintedProgress(System.err))
                : PreparedTokens.open(folder);
    }

    /** One run for each size, class and seed; says what there is to know of the device that they are computed on. */
    List<RunSpec> specs(PreparedTokens tokens) {
        List<RunSpec> specs = new ArrayList<>();
        Objective chosen = Objective.of(objective);
        for (String size : sizes) {
            for (String budgetClass : classes) {
                RunSpec spec = Workspace.spec(size, budgetClass, chosen, tokens);
                spec = chosen == Objective.BLENDER ? spec.withBlender(blender(chosen)) : spec;
                spec = budget == null ? spec : spec.withTokens(Numbers.parse(budget));
                spec = base == null ? spec : spec.finetuning(base);
                spec = learningRate == null ? spec : spec.withLearningRate(learningRate);
                seeds.stream().map(spec::withSeed).forEach(specs::add);
            }
        }
        Hardware.note(specs.get(0).config()).ifPresent(System.err::println);
        return specs;
    }

    /** The mixture that the options name; null for a causal run. */
    private BlenderSettings blender(Objective chosen) {
        if (chosen == Objective.CAUSAL) {
            if (Stream.of(mixture, sharesOf, spans, maskRate, lossOn).anyMatch(Objects::nonNull)) {
                throw new GerbilException("options of a mixture for a causal run",
                        "none of --mixture, --shares-of, --spans, --mask-rate and --loss-on",
                        "add --objective blender, or leave them out");
            }
            return null;
        }
        requireCount("--mixture", mixture, BlendedObjective.values().length);
        requireCount("--spans", spans, 2);
        BlenderSettings s = BlenderSettings.DEFAULT;
        s = mixture == null ? s : s.withShares(mixture.get(0), mixture.get(1), mixture.get(2));
        s = sharesOf == null ? s : s.withSharesOf(BlenderSettings.choice(BlenderSettings.SharesOf.class, sharesOf));
        s = spans == null ? s : s.withSpans(spans.get(0), spans.get(1));
        s = maskRate == null ? s : s.withMaskRate(maskRate);
        return lossOn == null ? s : s.withLossOn(BlenderSettings.choice(BlenderSettings.LossOn.class, lossOn));
    }

    private static void requireCount(String option, List<?> values, int count) {
        if (values != null && values.size() != count) {
            throw new GerbilException(option + " with " + values.size() + " numbers", count + " numbers",
                    "write them with commas between them and no spaces");
        }
    }
}
