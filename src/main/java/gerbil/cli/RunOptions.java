package gerbil.cli;

import gerbil.base.GerbilException;
import gerbil.runs.Workspace;
import gerbil.spec.BaseModel;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import gerbil.spec.RunSetting;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What plan, train and sweep share: which runs, on which tokens. */
final class RunOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;
    private BaseModel base;

    @Option(names = "--size", split = ",", paramLabel = "SIZE",
            description = "Sizes, separated by commas: 40k, 92k, 183k (nano), 3.3m, 6.7m, 15m, 32m, 77m, 104m (paper).")
    private List<String> sizes;

    @Option(names = "--class", split = ",", required = true, paramLabel = "CLASS",
            description = "Budget classes: A, B, C, D = 20, 42, 76, 142 tokens a parameter; 'A*', 'B*', 'C*' continue "
                    + "the finished run of that class to the next larger budget.")
    private List<String> classes;

    @Option(names = "--objective", split = ",", defaultValue = "causal", paramLabel = "NAME",
            description = "causal (default), or blender: fill-in-the-middle, causal and masked language modelling.")
    private List<String> objectives;

    @Option(names = "--seed", split = ",", defaultValue = "0", paramLabel = "SEED",
            description = "Seeds, separated by commas, of the initial weights and the order of the data (default: "
                    + "${DEFAULT-VALUE}).")
    private List<Long> seeds;

    @Option(names = "--learning-rate", paramLabel = "RATE",
            description = "Peak learning rate (default: the size's own).")
    private Double learningRate;

    @Option(names = "--budget", paramLabel = "TOKENS",
            description = "Train on this many tokens, such as 500k or 60M (default: the class's).")
    private String budget;

    @Option(names = "--set", paramLabel = "NAME=VALUE[,VALUE]",
            description = "Other settings of the runs, in this order; of several values there is a run for each. "
                    + "Names: ${COMPLETION-CANDIDATES}. A mixture is shares of fill-in-the-middle, causal and masked, "
                    + "such as 0.5/0.25/0.25.", completionCandidates = SettingNames.class)
    private Map<String, String> settings = Map.of();

    @Option(names = "--path", defaultValue = "fused", paramLabel = "NAME",
            description = "fused (default): PyTorch's operators. kernels: CUDA kernels of our own, on a GPU. plain: the "
                    + "same step in ordinary DJL operations.")
    private String path;

    @Option(names = "--precision", paramLabel = "NAME",
            description = "float32, bfloat16 or float16, for the matrix products of the fused and the kernels' "
                    + "path (default: what suits the device and the size).")
    private String precision;

    @Option(names = "--tokens-folder", paramLabel = "FOLDER",
            description = "Token sets to train on (default: the scale's under data/tokens, prepared if missing).")
    private Path tokensFolder;

    /** How a run's step is computed here, said with the reason. */
    StepSettings settings(RunSpec spec) {
        return settings(spec, System.err::println);
    }

    /** The same, said to somebody else. */
    StepSettings settings(RunSpec spec, Consumer<String> listener) {
        TrainingPath chosen = TrainingPath.of(path);
        Precision products = precision == null ? null : Precision.of(precision);
        if (products == null) {
            StepTuning.PrecisionChoice choice = StepTuning.precision(spec, chosen);
            listener.accept(choice.precision().label() + ": " + choice.reason());
            products = choice.precision();
        }
        if (chosen == TrainingPath.KERNELS) {
            Optional<String> missing = StepTuning.kernelsMissing(spec, products);
            missing.ifPresent(reason -> listener.accept(TrainingPath.FUSED.label() + ": " + reason));
            chosen = missing.isPresent() ? TrainingPath.FUSED : chosen;
        }
        return StepTuning.choose(spec, chosen, products);
    }

    boolean onDefaultTokens() {
        return tokensFolder == null;
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
        requireOne("--learning-rate", learningRate, RunSetting.LEARNING_RATE);
        requireOne("--budget", budget, RunSetting.TOKENS);
        elements().forEach(element -> spec(element, RunSpec.of(ModelSize.of(element.size),
                BudgetClass.of(element.budgetClass), Objective.of(element.objective), 0, "", "", "")));
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

    private void requireOne(String option, Object value, RunSetting setting) {
        if (value != null && settings.keySet().stream().anyMatch(setting.label()::equalsIgnoreCase)) {
            throw new GerbilException(option + " beside --set " + setting.label(), "one of them", "leave one out");
        }
    }

    /**
     * One run for each size, class, objective, value of a setting and seed; says what there is to know of the device
     * that they are computed on.
     */
    List<RunSpec> specs(PreparedTokens tokens) {
        List<RunSpec> specs = elements().stream().map(element -> spec(element, Workspace.spec(element.size,
                element.budgetClass, Objective.of(element.objective), tokens))).toList();
        Hardware.note(specs.get(0).config()).ifPresent(System.err::println);
        return specs;
    }

    /** The options that train each of the runs alone, as a shell reads them. */
    List<String> commandLines() {
        return elements().stream().map(element -> {
            Map<String, String> words = new LinkedHashMap<>();
            words.put("--size", element.size);
            words.put("--class", element.budgetClass);
            words.put("--objective", element.objective);
            words.put("--seed", String.valueOf(element.seed));
            words.put("--learning-rate", learningRate == null ? null : learningRate.toString());
            words.put("--budget", budget);
            words.put("--path", path);
            words.put("--precision", precision);
            words.put("--tokens-folder", tokensFolder == null ? null : tokensFolder.toString());
            return Stream.concat(words.entrySet().stream().filter(word -> word.getValue() != null)
                            .map(word -> word.getKey() + " " + quoted(word.getValue())),
                    element.settings.entrySet().stream().map(set -> "--set " + quoted(set.toString())))
                    .collect(Collectors.joining(" "));
        }).toList();
    }

    private static String quoted(String word) {
        return word.matches("[\\w./=+-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
    }

    /** A run in the words of the command line. */
    private record Element(String size, String budgetClass, String objective, long seed, Map<String, String> settings) {
    }

    private List<Element> elements() {
        List<Map<String, String>> combinations = List.of(Map.of());
        for (var setting : settings.entrySet()) {
            combinations = combinations.stream().flatMap(before -> Stream.of(setting.getValue().split(","))
                    .<Map<String, String>>map(value -> {
                        Map<String, String> with = new LinkedHashMap<>(before);
                        with.put(setting.getKey(), value);
                        return with;
                    })).toList();
        }
        List<Element> elements = new ArrayList<>();
        for (String size : sizes) {
            for (String budgetClass : classes) {
                for (String objective : objectives) {
                    for (Map<String, String> combination : combinations) {
                        seeds.forEach(seed ->
                                elements.add(new Element(size, budgetClass, objective, seed, combination)));
                    }
                }
            }
        }
        return elements;
    }

    private RunSpec spec(Element element, RunSpec standard) {
        RunSpec spec = budget == null ? standard : standard.with("tokens", budget);
        spec = base == null ? spec : spec.finetuning(base);
        spec = learningRate == null ? spec : spec.withLearningRate(learningRate);
        for (var setting : element.settings.entrySet()) {
            spec = spec.with(setting.getKey(), setting.getValue());
        }
        return spec.withSeed(element.seed);
    }

    /** For the help. */
    private static final class SettingNames extends ArrayList<String> {

        SettingNames() {
            super(RunSetting.labels());
        }
    }
}
