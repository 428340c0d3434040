package gerbil.spec;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;

/** The sizes and budgets are those of the published models. */
class PublishedFiguresTest {

    /** From the published config.json files and checkpoint sizes. */
    @ParameterizedTest
    @CsvSource({
        "3.3m, 50400, 50264, 3326112, 3317272",
        "6.7m, 50400, 50264, 6700128, 6682584",
        "15m, 50400, 50264, 14533088, 14498136",
        "32m, 50400, 50264, 32161504, 32091736",
        "77m, 50400, 50264, 76855520, 76716120",
        "104m, 50400, 50264, 103921120, 103746904"})
    void paperSizesHaveThePublishedParameters(String size, int causalRows, int blenderRows, long causal, long blender) {
        GptJConfig causalConfig = ModelSize.of(size).config(Objective.CAUSAL);
        GptJConfig blenderConfig = ModelSize.of(size).config(Objective.BLENDER);
        assertEquals(List.of(causalRows, blenderRows), List.of(causalConfig.vocabulary(), blenderConfig.vocabulary()));
        assertEquals(List.of(causal, blender), List.of(causalConfig.parameters(), blenderConfig.parameters()));
    }

    /** Published as millions of tokens and batches of 65.5k, 131k and 262K. */
    @ParameterizedTest
    @CsvSource({
        "3.3m, A, 60, 65536", "3.3m, B, 126, 65536", "3.3m, C, 228, 65536", "3.3m, D, 426, 65536",
        "6.7m, A, 134, 131072", "6.7m, B, 281, 131072", "6.7m, C, 509, 131072", "6.7m, D, 951, 131072",
        "15m, A, 280, 131072", "32m, A, 640, 262144"})
    void budgetsAndBatchesAreThePublishedOnes(String size, BudgetClass budgetClass, long millions, int batch) {
        for (Objective objective : Objective.values()) {
            RunSpec spec = RunSpec.of(ModelSize.of(size), budgetClass, objective, 0, "gpt2", "data", "heldout");
            assertEquals(millions * 1_000_000, spec.tokens());
            assertEquals(batch, spec.batchTokens());
        }
    }

    static List<PublishedResult> publishedRows() {
        return PublishedResult.all();
    }

    @ParameterizedTest
    @MethodSource("publishedRows")
    void everyPublishedRowIsARunOfOurs(PublishedResult row) {
        RunSpec spec = RunSpec.of(ModelSize.of(row.size()), row.budgetClass(), row.objective(), 0, "gpt2", "data",
                "heldout");
        assertEquals(row.model(), spec.model());
        assertEquals(row.tokens(), spec.tokens());
        assertEquals(row.batchTokens(), spec.batchTokens());
    }

    @Test
    void publishedTableHasItsRows() {
        assertEquals(14, PublishedResult.all().size());
        assertEquals(10, PublishedResult.all().stream().filter(r -> r.trainingLoss().isPresent()).count());
        assertEquals(6.6644, PublishedResult.all().get(0).trainingLoss().getAsDouble());
        assertEquals(4, PublishedResult.all().stream().filter(r -> r.objective() == Objective.BLENDER).count());
    }

    @Test
    void budgetClassesAreTokensAParameter() {
        assertEquals(List.of(20, 42, 76, 142),
                BudgetClass.WITHOUT_STAR.stream().map(BudgetClass::tokensPerParameter).toList());
    }

    @Test
    void nanoSizesAreCalledByTheirParameters() {
        List<ModelSize> nano = ModelSize.of(Scale.NANO);
        assertEquals(3, nano.size());
        for (ModelSize size : nano) {
            long parameters = size.config(Objective.CAUSAL).parameters();
            double named = 1e3 * Integer.parseInt(size.name().replace("k", ""));
            assertEquals(named, parameters, 0.01 * named);
            assertEquals(20 * parameters, size.budget(BudgetClass.A));
        }
    }

    @ParameterizedTest
    @EnumSource
    void sizesOfAScaleGrow(Scale scale) {
        List<Long> parameters = ModelSize.of(scale).stream().map(s -> s.config(Objective.CAUSAL).parameters()).toList();
        assertEquals(parameters.stream().sorted().distinct().toList(), parameters);
    }
}
