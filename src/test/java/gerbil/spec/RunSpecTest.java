package gerbil.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.base.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

class RunSpecTest {

    private static final RunSpec SPEC =
            RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.CAUSAL, 0, "gpt2-1024", "data", "heldout");

    private static RunSpec spec(long tokens, int batchTokens, int sequenceLength) {
        return new RunSpec("40k", BudgetClass.A, Objective.CAUSAL, tokens, batchTokens, sequenceLength, 0,
                SPEC.optimizer(), "gpt2-1024", "data", "heldout");
    }

    private static void assertRefused(Executable action, String... mentioned) {
        String message = assertThrows(GerbilException.class, action).getMessage();
        for (String text : mentioned) {
            assertTrue(message.contains(text), message);
        }
    }

    @Test
    void budgetIsRoundedUpToWholeSteps() {
        assertEquals(List.of(1, 1, 2, 3), Stream.of(1, 256, 257, 513).map(t -> spec(t, 256, 64).steps()).toList());
        assertEquals(4, spec(1, 256, 64).batchSequences());
    }

    @Test
    void trainingLossIsOfTheLastPercentAndAtLeastFiftySteps() {
        assertEquals(List.of(1, 50, 50, 50, 51), Stream.of(1, 50, 393, 5_099, 5_199)
                .map(steps -> spec(256L * steps, 256, 64).trainingLossSteps()).toList());
    }

    /** Results of before say no window; theirs was 1%. */
    @Test
    void aResultThatNamesNoWindowIsOfTheLastPercent() {
        String old = """
                {"spec": %s, "environment": {"codeVersion": "0.1.0", "threads": 2, "step": {"path": "FUSED",
                "precision": "FLOAT32", "microBatch": 16, "headChunk": 512, "headBlock": 1024}}, "parameters": 40192,
                "tokens": 804864, "trainingLoss": 2.8, "wholeRunLoss": 3.3, "heldoutLoss": 2.7, "bitsPerByte": 2.4,
                "wallSeconds": 7.2}""".formatted(Json.line(SPEC));
        assertEquals(4, Json.parse(old, RunResult.class, "old").trainingLossSteps());
    }

    @Test
    void runsThatCannotBeAreRefused() {
        assertRefused(() -> spec(1_000, 300, 128), "300", "128", "multiple");
        assertRefused(() -> spec(1_000, 256, 256), "a sequence of 256 tokens", "at most 128");
        assertRefused(() -> spec(0, 256, 64), "0 tokens");
        assertRefused(() -> spec(1_000, 0, 64), "batches of 0");
        assertRefused(() -> spec(1_000, 256, 0), "sequences of 0");
        assertRefused(() -> SPEC.withLearningRate(0), "learning rate 0.0");
        assertRefused(() -> SPEC.withLearningRate(Double.NaN), "learning rate NaN");
        assertRefused(() -> SPEC.withLearningRate(Double.POSITIVE_INFINITY), "learning rate Infinity");
    }

    /** The best of the recorded sweep; where there was none, one over the width from the widest that was swept. */
    @Test
    void learningRatesFollowTheSweep() throws IOException {
        Map<String, List<String[]>> trials = Files.readAllLines(Path.of("results/learning-rates.csv")).stream().skip(1)
                .map(line -> line.split(",")).filter(trial -> trial[1].equals("causal") && trial[2].equals("A"))
                .collect(Collectors.groupingBy(trial -> trial[0]));
        ModelSize widest = ModelSize.ALL.stream().filter(size -> trials.containsKey(size.name()))
                .max(Comparator.comparing(ModelSize::width)).orElseThrow();
        assertEquals("6.7m", widest.name());
        for (ModelSize size : ModelSize.ALL) {
            double expected = trials.containsKey(size.name())
                    ? trials.get(size.name()).stream().min(Comparator.comparing(trial -> Double.valueOf(trial[6])))
                            .map(trial -> Double.parseDouble(trial[3])).orElseThrow()
                    : widest.learningRate() * widest.width() / size.width();
            assertEquals(expected, size.learningRate(), 1e-9, size.name());
        }
    }

    @Test
    void unknownNamesAreAnsweredWithTheNamesThereAre() {
        assertRefused(() -> ModelSize.of("33m"), "'33m'", "40k, 92k, 183k, 3.3m, 6.7m, 15m, 32m, 77m, 104m");
        assertRefused(() -> BudgetClass.of("E"), "'E'", "A, B, C, D");
        assertRefused(() -> Objective.of("masked"), "'masked'", "causal, blender");
        assertRefused(() -> Scale.of("micro"), "'micro'", "nano, paper");
        assertRefused(() -> TrainingPath.of("quick"), "'quick'", "fused, kernels, plain");
    }

    @Test
    void namesAreReadInUpperAndLowerCase() {
        assertEquals(BudgetClass.D, BudgetClass.of("d"));
        assertEquals(BudgetClass.A_STAR, BudgetClass.of("a*"));
        assertEquals("3.3m", ModelSize.of("3.3M").name());
        assertEquals(Objective.BLENDER, Objective.of("Blender"));
        assertEquals(Scale.PAPER, Scale.of("PAPER"));
    }

    @Test
    void architecturesThatCannotBeAreRefused() {
        assertRefused(() -> new GptJConfig(100, 30, 2, 4, 2, 16), "width 30 with 4 heads");
        assertRefused(() -> new GptJConfig(100, 32, 2, 4, 10, 16), "rotary_dim 10");
        assertRefused(() -> new GptJConfig(100, 32, 2, 4, 3, 16), "rotary_dim 3");
        assertRefused(() -> new GptJConfig(100, 32, 2, 0, 4, 16), "0 heads");
    }

    /** The identity is kept on purpose: a change of it would orphan the runs that people have. */
    @Test
    void runIdIsStable() {
        assertEquals("seed0-cefb1234", SPEC.runId());
    }

    /** Nor do architectures that are not tied say so. */
    @Test
    void onlyATiedHeadIsWrittenDown() {
        GptJConfig config = SPEC.config();
        assertEquals("{\"vocabulary\":1024,\"width\":16,\"layers\":2,\"heads\":2,\"rotaryDim\":8,\"positions\":128}",
                Json.line(config));
        assertEquals(config, Json.parse(Json.line(config), GptJConfig.class, "untied"));
        GptJConfig tied = config.withTiedHead(true);
        assertEquals(tied, Json.parse(Json.line(tied), GptJConfig.class, "tied"));
        assertNotEquals(SPEC.withArchitecture(config).runId(), SPEC.withArchitecture(tied).runId());
        assertEquals(config.parameters() - 1_024 * 16, tied.parameters());
    }

    /** Runs that were finished with earlier versions are found again. */
    @Test
    void committedRunsKeepTheirIds() throws IOException {
        try (Stream<Path> files = Files.list(Path.of("results/runs"))) {
            List<Path> runs = files.filter(f -> f.toString().endsWith(".json")).toList();
            assertTrue(runs.size() >= 12);
            for (Path run : runs) {
                RunSpec spec = Json.read(run, RunResult.class).spec();
                assertEquals(run.getFileName().toString(), spec.fileName());
            }
        }
    }

    @Test
    void mixturesBelongToBlenderRuns() {
        RunSpec blender = RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.BLENDER, 0, "gpt2-1024", "data",
                "heldout");
        assertEquals("GerbilBlender-A-40k", blender.model());
        assertEquals(BlenderSettings.DEFAULT, blender.blender());
        BlenderSettings other = mixture(0.5, 0.25, 0.25);
        assertNotEquals(blender.runId(), blender.withBlender(other).runId());
        assertEquals(other, blender.withBlender(other).withTokens(9_999).withLearningRate(1e-3).blender());
        assertRefused(() -> SPEC.withBlender(other), "a causal run with the mixture");
        assertRefused(() -> blender.withBlender(null), "a blender run with the mixture null");
    }

    /** A* takes A's weights to B's steps, in a folder without a star. */
    @Test
    void starClassesContinueTheClassBefore() {
        for (BudgetClass star : List.of(BudgetClass.A_STAR, BudgetClass.B_STAR, BudgetClass.C_STAR)) {
            BudgetClass whole = star.before().orElseThrow();
            BudgetClass next = BudgetClass.WITHOUT_STAR.get(whole.ordinal() + 1);
            assertEquals(next.tokensPerParameter(), star.tokensPerParameter());
            for (ModelSize size : ModelSize.ALL) {
                RunSpec spec = RunSpec.of(size, star, Objective.CAUSAL, 3, "any", "data", "heldout");
                RunSpec before = RunSpec.of(size, whole, Objective.CAUSAL, 3, "any", "data", "heldout");
                assertEquals(Optional.of(before), spec.before());
                GptJConfig tied = spec.config().withTiedHead(true);
                assertEquals(Optional.of(before.withArchitecture(tied)), spec.withArchitecture(tied).before());
                assertEquals(RunSpec.of(size, next, Objective.CAUSAL, 3, "any", "data", "heldout").steps(),
                        before.steps() + spec.steps());
                assertEquals(before.optimizer(), spec.optimizer());
                assertEquals("Gerbil-" + whole + "star-" + size.name(), spec.model());
                RunSpec begun = spec.continuing(new BaseModel(before.model(), "0".repeat(64), spec.config()));
                assertEquals(spec.model(), begun.model());
                assertTrue(begun.withSeed(0).isDefault() && !begun.isFinetuning());
                assertNotEquals(spec.runId(), begun.runId());
            }
        }
    }

    private static BlenderSettings mixture(double fill, double causal, double masked) {
        return BlenderSettings.DEFAULT.withShares(fill, causal, masked);
    }

    private static BlenderSettings spans(int shortest, int longest, double maskRate) {
        return BlenderSettings.DEFAULT.withSpans(shortest, longest).withMaskRate(maskRate);
    }

    @Test
    void mixturesThatCannotBeAreRefused() {
        assertRefused(() -> mixture(0.5, 0.5, 0.5), "which is 1.5 in all", "add up to 1");
        assertRefused(() -> mixture(0.3, 0.3, 0.3), "in all");
        assertRefused(() -> mixture(1.5, -0.5, 0), "at least 0");
        assertRefused(() -> mixture(Double.NaN, 0.5, 0.5), "NaN fill-in-the-middle");
        assertRefused(() -> spans(0, 5, 0.15), "spans of 0 to 5");
        assertRefused(() -> spans(5, 4, 0.15), "spans of 5 to 4");
        assertRefused(() -> spans(1, 5, 1), "a mask rate of 1.0", "nothing to tell it from");
        assertRefused(() -> spans(1, 5, 0), "a mask rate of 0.0");
        assertEquals(0.333333, mixture(0.333333, 0.333333, 0.333334).fillInTheMiddle());
    }

    /** Each setting by its name changes one part of the specification, and only a Blender run has all of them. */
    @Test
    void everySettingCanBeChangedByName() {
        RunSpec blender = RunSpec.of(ModelSize.of("40k"), BudgetClass.A, Objective.BLENDER, 0, "gpt2-1024", "data",
                "heldout");
        Map<String, String> values = new HashMap<>(Map.of("decayed", "all", "mixture", "0.5/0.25/0.25", "shares-of", "tokens",
                "loss-on", "TARGETS", "tokens", "60k", "batch-tokens", "512", "sequence-length", "32",
                "shortest-span", "2", "longest-span", "99"));
        values.putAll(Map.of("context-length", "256", "layers", "3", "heads", "1", "rotary-dim", "4", "tied-head",
                "true", "width", "24", "parameters", "60k"));
        for (String setting : RunSetting.labels()) {
            RunSpec changed = blender.with(setting, values.getOrDefault(setting, "0.5"));
            assertNotEquals(blender, changed, setting);
            assertEquals(setting.equals("mixture") ? 3 : 1, RunSpec.differences(List.of(blender, changed)).size(),
                    setting);
        }
        assertEquals(SPEC.withLearningRate(1e-3).withTokens(60_000).withBatch(2_048, 64),
                SPEC.with("learning-rate", 1e-3).with("Tokens", "60k").with("sequence-length", 64));
    }

    /** Of a model that is as large in another shape, and of the size's own shape, which is the default run. */
    @Test
    void theShapeCanBeChangedAtOneNumberOfParameters() {
        for (Map.Entry<Integer, GptJConfig> shape : Map.of(1, new GptJConfig(1_024, 18, 1, 2, 8, 128),
                4, new GptJConfig(1_024, 14, 4, 2, 6, 128)).entrySet()) {
            RunSpec run = SPEC.with("layers", shape.getKey()).with("parameters", "40192");
            assertEquals(shape.getValue(), run.config());
            assertEquals(40_192, run.config().parameters(), 2_000);
        }
        assertEquals(new GptJConfig(1_024, 24, 2, 2, 8, 128, true),
                SPEC.with("tied-head", true).with("parameters", "40k").config());
        assertEquals(SPEC, SPEC.with("layers", 4).with("tied-head", false).with("layers", 2)
                .with("parameters", "40k"));
        assertEquals(SPEC.runId(), SPEC.withArchitecture(SPEC.config()).runId());
        assertEquals("Gerbil-A-40k", SPEC.with("width", 24).model());
        assertEquals(256, SPEC.with("context-length", 256).with("sequence-length", 256).sequenceLength());
    }

    @Test
    void settingsThatCannotBeAreRefused() {
        assertRefused(() -> SPEC.with("tied-head", "yes"), "a tied head of 'yes'", "true or false");
        assertRefused(() -> SPEC.with("width", 15), "width 15 with 2 heads");
        assertRefused(() -> SPEC.with("layers", "60G"), "layers of '60G'", "a smaller number");
        assertRefused(() -> SPEC.with("sequence-length", 256), "at most 128, the model's context length");
        assertRefused(() -> SPEC.withArchitecture(SPEC.config().withVocabulary(8_192)).with("parameters", "92k"),
                "92000 parameters with 2 heads", "the nearest width, 6, makes 107", "fewer heads");
        RunSpec finetuning = SPEC.finetuning(new BaseModel("Mine", "0".repeat(64), SPEC.config()));
        assertRefused(() -> finetuning.with("layers", 3), "begins with Mine", "the model's own");
        assertRefused(() -> SPEC.with("speed", 1), "setting 'speed'", "sequence-length");
        assertRefused(() -> SPEC.with("warmup", 1.5), "a warm-up of 1.5", "a share from 0 to 1");
        assertRefused(() -> SPEC.with("beta2", 1), "a decay of the second moment of 1.0");
        assertRefused(() -> SPEC.with("clip-norm", 0), "clipping at 0.0");
        assertRefused(() -> SPEC.with("batch-tokens", "60G"), "batchTokens of '60G'", "a smaller number");
        assertRefused(() -> SPEC.with("decayed", "some"), "'some'", "[matrices, all]");
        assertRefused(() -> SPEC.with("mask-rate", 0.3), "a causal run");
    }

    /** Of two architectures what differs is seen, also where one is the size's own. */
    @Test
    void runsAreToldApartByWhatDiffers() {
        RunSpec faster = SPEC.withSeed(3).with("learning-rate", 0.5);
        assertEquals(Map.of("optimizer.learningRate", List.of("0.032", "0.5")),
                RunSpec.differences(List.of(SPEC, faster)));
        assertEquals("learning rate 0.5", faster.distinction(List.of(SPEC, faster)));
        RunSpec other = new RunSpec("40k", BudgetClass.A, Objective.CAUSAL, SPEC.tokens(), SPEC.batchTokens(),
                SPEC.sequenceLength(), 0, SPEC.optimizer(), "gpt2-4096", "data 2", "heldout 2")
                .withArchitecture(SPEC.config().withVocabulary(4_096));
        assertEquals("vocabulary gpt2-4096", other.distinction(List.of(SPEC, other)));
        assertEquals("", SPEC.distinction(List.of(SPEC, SPEC.withSeed(1), variant("92k", BudgetClass.A,
                Objective.CAUSAL, 2_048, 128, 0, SPEC.optimizer(), "data", "heldout"))));
        GptJConfig own = SPEC.config();
        RunSpec narrow = SPEC.withArchitecture(new GptJConfig(own.vocabulary(), 8, own.layers(), own.heads(), 4,
                own.contextLength()));
        assertEquals(Map.of("architecture.width", List.of("16", "8"), "architecture.rotaryDim", List.of("8", "4")),
                RunSpec.differences(List.of(SPEC, narrow)));
        RunSpec tied = SPEC.withArchitecture(own.withTiedHead(true));
        assertEquals("tied true", tied.distinction(List.of(SPEC, tied)));
        assertEquals("", SPEC.distinction(List.of(SPEC, tied)));
    }

    /** Each wither against the positional constructor, with values that all differ. */
    @Test
    void withersChangeWhatTheyNameAndNothingElse() {
        OptimizerSettings o = OptimizerSettings.withLearningRate(1e-3);
        assertEquals(new RunSpec("40k", BudgetClass.A, Objective.CAUSAL, 8_192, 512, 64, 7, o, SPEC.vocabulary(),
                SPEC.data(), SPEC.heldoutData()),
                SPEC.withTokens(8_192).withBatch(512, 64).withSeed(7).withOptimizer(o));
        assertEquals(SPEC.withOptimizer(o), SPEC.withLearningRate(1e-3));
        assertEquals(new BlenderSettings(0.5, 0.3, 0.2, BlenderSettings.SharesOf.TOKENS, 4, 50, 0.25,
                BlenderSettings.LossOn.TARGETS),
                new BlenderSettings(1, 0, 0, BlenderSettings.SharesOf.TOKENS, 3, 64, 0.15, BlenderSettings.LossOn.ALL)
                        .withShares(0.5, 0.3, 0.2).withSpans(4, 50).withMaskRate(0.25)
                        .withLossOn(BlenderSettings.LossOn.TARGETS));
    }

    @Test
    void runIdDiffersWhenAnythingDiffers() {
        OptimizerSettings o = SPEC.optimizer();
        OptimizerSettings noDecay = new OptimizerSettings(o.learningRate(), o.beta1(), o.beta2(), o.epsilon(), 0,
                o.decayed(), o.clipNorm(), o.warmupFraction(), o.finalFraction());
        List<RunSpec> specs = List.of(SPEC, SPEC.withTokens(SPEC.tokens() + 1), SPEC.withLearningRate(1e-4),
                variant("92k", BudgetClass.A, Objective.CAUSAL, 2_048, 128, 0, o, "data", "heldout"),
                variant("40k", BudgetClass.B, Objective.CAUSAL, 2_048, 128, 0, o, "data", "heldout"),
                variant("40k", BudgetClass.A, Objective.BLENDER, 2_048, 128, 0, o, "data", "heldout"),
                variant("40k", BudgetClass.A, Objective.CAUSAL, 1_024, 128, 0, o, "data", "heldout"),
                variant("40k", BudgetClass.A, Objective.CAUSAL, 2_048, 64, 0, o, "data", "heldout"),
                variant("40k", BudgetClass.A, Objective.CAUSAL, 2_048, 128, 1, o, "data", "heldout"),
                variant("40k", BudgetClass.A, Objective.CAUSAL, 2_048, 128, 0, noDecay, "data", "heldout"),
                variant("40k", BudgetClass.A, Objective.CAUSAL, 2_048, 128, 0, o, "other", "heldout"),
                variant("40k", BudgetClass.A, Objective.CAUSAL, 2_048, 128, 0, o, "data", "other"));
        assertEquals(specs.size(), specs.stream().map(RunSpec::runId).distinct().count());
    }

    private static RunSpec variant(String size, BudgetClass budgetClass, Objective objective, int batch, int length,
                                   long seed, OptimizerSettings optimizer, String data, String heldout) {
        return new RunSpec(size, budgetClass, objective, SPEC.tokens(), batch, length, seed, optimizer, "gpt2-1024",
                data, heldout);
    }
}
