package gerbil.spec;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonProperty;
import gerbil.base.GerbilException;
import gerbil.base.Json;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * All that decides a run's numbers, up to the rounding of the machine: two runs of equal specifications are the same
 * run.
 *
 * @param size name of the {@link ModelSize}; of a finetuning run the one that batch and sequence length are of
 * @param budgetClass A to D, or the star class that continues one of them
 * @param objective causal or Blender
 * @param tokens budget; of a star class without those that it begins after
 * @param batchTokens tokens of one optimizer step
 * @param sequenceLength tokens of one sequence
 * @param seed of the initial weights and of the order of the data
 * @param optimizer settings of AdamW and the schedule
 * @param vocabulary id of the tokenizer
 * @param data hash of the token set trained on
 * @param heldoutData hash of the held-out token set
 * @param blender how a Blender run's objectives are mixed; null for a causal run, and then left out of the run's hash
 * @param base the model that a run of finetuning or of a star class begins with; null, and left out of the hash, for
 *     random weights, and in a star class's plan
 * @param architecture in place of the size's own or the base's; null, and left out of the hash, for these
 */
public record RunSpec(String size, BudgetClass budgetClass, Objective objective, long tokens, int batchTokens,
                      int sequenceLength, long seed, OptimizerSettings optimizer, String vocabulary, String data,
                      String heldoutData, BlenderSettings blender, @JsonProperty("origin") BaseModel base,
                      GptJConfig architecture) {

    private static final int FEWEST_LOSS_STEPS = 50;
    private static final int MOST_STEPS = 1_000_000_000;
    /** A batch's ids are in memory at once. */
    private static final int MOST_BATCH_TOKENS = 16_777_216;

    public RunSpec {
        if (sequenceLength < 1 || batchTokens < 1 || batchTokens % sequenceLength != 0 || tokens < 1
                || batchTokens > MOST_BATCH_TOKENS || tokens / batchTokens >= MOST_STEPS) {
            throw new GerbilException(tokens + " tokens in batches of " + batchTokens + " and sequences of "
                    + sequenceLength, "a budget above 0 in at most " + MOST_STEPS
                    + " batches of whole sequences, of at most " + MOST_BATCH_TOKENS + " tokens",
                    "choose a batch that is a multiple of the sequence length, and a budget that it suits");
        }
        GptJConfig usual = config(size, objective, base, null);
        architecture = usual.equals(architecture) ? null : architecture;
        config(size, objective, base, architecture).requireContext(sequenceLength);
        if ((objective == Objective.BLENDER) != (blender != null)) {
            throw new GerbilException("a " + objective.label() + " run with the mixture " + blender,
                    "a mixture for a Blender run and none for a causal one",
                    "choose the objective blender, or no mixture");
        }
    }

    /** A run whose mixture, if it is a Blender run, is the default one. */
    public RunSpec(String size, BudgetClass budgetClass, Objective objective, long tokens, int batchTokens,
                   int sequenceLength, long seed, OptimizerSettings optimizer, String vocabulary, String data,
                   String heldoutData) {
        this(size, budgetClass, objective, tokens, batchTokens, sequenceLength, seed, optimizer, vocabulary, data,
                heldoutData, objective == Objective.BLENDER ? BlenderSettings.DEFAULT : null, null,
                null);
    }

    /**
     * The size's published or default budget, batch, sequence length and learning rate; of a star class what is left of
     * the budget.
     */
    public static RunSpec of(ModelSize size, BudgetClass budgetClass, Objective objective, long seed,
                             String vocabulary, String data, String heldoutData) {
        RunSpec spec = new RunSpec(size.name(), budgetClass, objective, size.budget(budgetClass), size.batchTokens(),
                size.sequenceLength(), seed, OptimizerSettings.withLearningRate(size.learningRate()), vocabulary, data,
                heldoutData);
        return spec.before().isEmpty() ? spec : spec.withTokens(spec.tokens - spec.tokensBefore());
    }

    /**
     * This run with another value of a setting: {@code with("sequence-length", 64)}.
     *
     * @param setting the {@link RunSetting#label} of one
     * @throws GerbilException if there is no such setting, or the run cannot have that value
     */
    public RunSpec with(String setting, Object value) {
        return RunSetting.of(setting).set(this, value.toString());
    }

    /** This run with another seed, of the initial weights and of the order of the data. */
    public RunSpec withSeed(long seed) {
        return new RunSpec(size, budgetClass, objective, tokens, batchTokens, sequenceLength, seed, optimizer,
                vocabulary, data, heldoutData, blender, base, architecture);
    }

    /**
     * What runs have in common that differ in the seed alone: this one with seed 0, and of a star class without the run
     * that it continues, which has the seed too.
     */
    public RunSpec withoutSeed() {
        return (before().isPresent() ? withBase(null) : this).withSeed(0);
    }

    /** This run with another peak learning rate. */
    public RunSpec withLearningRate(double learningRate) {
        OptimizerSettings o = optimizer;
        return withOptimizer(new OptimizerSettings(learningRate, o.beta1(), o.beta2(), o.epsilon(), o.weightDecay(),
                o.decayed(), o.clipNorm(), o.warmupFraction(), o.finalFraction()));
    }

    /** This run with other settings of AdamW and the schedule. */
    public RunSpec withOptimizer(OptimizerSettings optimizer) {
        return new RunSpec(size, budgetClass, objective, tokens, batchTokens, sequenceLength, seed, optimizer,
                vocabulary, data, heldoutData, blender, base, architecture);
    }

    /** This run with other batches: the tokens of one optimizer step, and those of one sequence. */
    public RunSpec withBatch(int batchTokens, int sequenceLength) {
        return new RunSpec(size, budgetClass, objective, tokens, batchTokens, sequenceLength, seed, optimizer,
                vocabulary, data, heldoutData, blender, base, architecture);
    }

    /** This run with another budget, for trials and tests. */
    public RunSpec withTokens(long tokens) {
        return new RunSpec(size, budgetClass, objective, tokens, batchTokens, sequenceLength, seed, optimizer,
                vocabulary, data, heldoutData, blender, base, architecture);
    }

    /**
     * This Blender run with another mixture.
     *
     * @throws GerbilException if it is a causal run
     */
    public RunSpec withBlender(BlenderSettings blender) {
        return new RunSpec(size, budgetClass, objective, tokens, batchTokens, sequenceLength, seed, optimizer,
                vocabulary, data, heldoutData, blender, base, architecture);
    }

    /** This run of a model with another architecture than the size's. */
    public RunSpec withArchitecture(GptJConfig architecture) {
        return new RunSpec(size, budgetClass, objective, tokens, batchTokens, sequenceLength, seed, optimizer,
                vocabulary, data, heldoutData, blender, base, architecture);
    }

    /**
     * This run begun with a trained model in place of random weights, on shorter sequences if the model has a shorter
     * context. The architecture is the model's.
     *
     * <p>Its peak learning rate is the size's own: of 0.05 to 2 times that, on text that is far from the model's, the
     * loss on that text was lowest there, or within 0.05 of the lowest, at 40k (three seeds) and at 92k (two;
     * results/finetuning.jsonl). A tenth of it learned 0.4 nats less and forgot 7 nats less of the text before.
     *
     * @throws GerbilException if the model is one of the family's other sizes, or this is a run of a star class
     */
    public RunSpec finetuning(BaseModel base) {
        ModelSize.of(base.config()).filter(own -> !own.name().equals(size)).ifPresent(own -> {
            throw new GerbilException(base.model() + " of size " + own.name() + " in a run of size " + size,
                    "a model of the run's size", "name the size " + own.name() + ", or another model");
        });
        if (before().isPresent()) {
            throw new GerbilException("finetuning of " + base.model() + " by class " + budgetClass,
                    "one of " + BudgetClass.WITHOUT_STAR, "name one of these, or no model: a star class has its own");
        }
        return withBatch(batchTokens, Math.min(sequenceLength, base.config().contextLength()))
                .withBase(base).withArchitecture(null);
    }

    /**
     * This run of a star class with the model that it continues: of the run that {@link #before} gives.
     *
     * @throws GerbilException if the model is another's, or this run's class continues none
     */
    public RunSpec continuing(BaseModel base) {
        String continued = before().map(RunSpec::model).orElse("none");
        if (!base.model().equals(continued)) {
            throw new GerbilException(model() + " as what continues " + base.model(), continued, "name another class");
        }
        return withBase(base);
    }

    private RunSpec withBase(BaseModel base) {
        return new RunSpec(size, budgetClass, objective, tokens, batchTokens, sequenceLength, seed, optimizer,
                vocabulary, data, heldoutData, blender, base, architecture);
    }

    /** The run that one of a star class continues, which it needs the finished model of; empty for other runs. */
    public Optional<RunSpec> before() {
        return budgetClass.before().map(whole -> of(modelSize(), whole, objective, seed, vocabulary, data, heldoutData)
                .withBlender(blender).withArchitecture(architecture));
    }

    /** Tokens of the same series that were trained on before this run begins; 0 unless it is of a star class. */
    public long tokensBefore() {
        return before().map(run -> (long) run.steps() * run.batchTokens).orElse(0L);
    }

    /** Sequences of the same series that were trained on before a step. */
    public long sequencesBefore(int step) {
        return tokensBefore() / sequenceLength + (step - 1L) * batchSequences();
    }

    /**
     * {@code Gerbil-A-3.3m}, {@code Gerbil-Astar-3.3m}; of a finetuning run the name of what it begins with, {@code
     * Gerbil-A-3.3m-finetuned}.
     */
    @JsonIgnore
    public String model() {
        return isFinetuning() ? base.model() + "-finetuned" : modelSize().modelName(objective, budgetClass);
    }

    /** Whether it begins with a trained model that is not of its own series. */
    @JsonIgnore
    public boolean isFinetuning() {
        return base != null && budgetClass.before().isEmpty();
    }

    /** The size that {@link #size} names. */
    @JsonIgnore
    public ModelSize modelSize() {
        return ModelSize.of(size);
    }

    /** The architecture. */
    @JsonIgnore
    public GptJConfig config() {
        return config(size, objective, base, architecture);
    }

    private static GptJConfig config(String size, Objective objective, BaseModel base, GptJConfig architecture) {
        return architecture != null ? architecture
                : base == null ? ModelSize.of(size).config(objective) : base.config();
    }

    /**
     * In what but the seed runs differ: the value of each in {@code specs}' order, empty where a run has none, hashes by
     * their beginning, by the path of {@link Json#leaves}. If one has an architecture of its own, all have one.
     */
    public static Map<String, List<String>> differences(List<RunSpec> specs) {
        boolean own = specs.stream().anyMatch(spec -> spec.architecture != null);
        List<Map<String, String>> leaves = specs.stream().map(RunSpec::withoutSeed).map(spec -> {
            Map<String, String> all = Json.leaves(spec);
            all.putAll(own ? Json.leaves(Map.of("architecture", spec.config())) : Map.of());
            return all;
        }).toList();
        Map<String, List<String>> differences = new LinkedHashMap<>();
        leaves.stream().flatMap(one -> one.keySet().stream()).distinct().forEach(path -> {
            List<String> values = leaves.stream().map(one -> one.getOrDefault(path, ""))
                    .map(value -> value.matches("[0-9a-f]{64}") ? value.substring(0, 8) : value).toList();
            if (values.stream().distinct().count() > 1) {
                differences.put(path, values);
            }
        });
        return differences;
    }

    /**
     * What tells this run, whatever its seed, from others of its model among these: "learning rate 0.01, tokens
     * 500000"; empty if there are none.
     */
    public String distinction(List<RunSpec> among) {
        List<RunSpec> same = among.stream().filter(spec -> spec.model().equals(model())).toList();
        int index = same.indexOf(this);
        Map<String, List<String>> differences = differences(same);
        long vocabularies = same.stream().map(RunSpec::vocabulary).distinct().count();
        if (vocabularies > 1 && same.stream().map(spec -> List.of(spec.vocabulary, spec.data, spec.heldoutData))
                .distinct().count() == vocabularies) { // each has token sets and rows of its own
            differences.keySet().removeAll(List.of("data", "heldoutData", "architecture.vocabulary"));
        }
        return differences.entrySet().stream().filter(e -> !e.getValue().get(index).isEmpty())
                .map(e -> words(e.getKey()) + " " + e.getValue().get(index))
                .collect(Collectors.joining(", "));
    }

    /** "learning rate" of the path {@code optimizer.learningRate}. */
    private static String words(String path) {
        return path.substring(path.lastIndexOf('.') + 1).replaceAll("(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
    }

    /** Whether it is the default run of its size, class and objective, on whatever data. */
    @JsonIgnore
    public boolean isDefault() {
        RunSpec usual = of(modelSize(), budgetClass, objective, 0, vocabulary, data, heldoutData);
        return equals(isFinetuning() ? usual : usual.withBase(base));
    }

    /** Optimizer steps: the budget in whole batches, rounded up. */
    @JsonIgnore
    public int steps() {
        return Math.toIntExact((tokens + batchTokens - 1) / batchTokens);
    }

    /**
     * Steps at the end of the run whose mean is its training loss: 1%, and at least 50, since the mean of few batches
     * says more of their text than of the model.
     */
    @JsonIgnore
    public int trainingLossSteps() {
        return Math.min(steps(), Math.max(FEWEST_LOSS_STEPS, steps() / 100));
    }

    /** Sequences of one batch. */
    @JsonIgnore
    public int batchSequences() {
        return batchTokens / sequenceLength;
    }

    /** Names the row of the run's result: {@code Gerbil-A-40k-seed0-45f34724.json}. */
    @JsonIgnore
    public String fileName() {
        return model() + "-" + runId() + ".json";
    }

    /** Names the run's directory: the seed and the beginning of the specification's hash. */
    @JsonIgnore
    public String runId() {
        return "seed" + seed + "-" + Json.sha256(this).substring(0, 8);
    }
}
