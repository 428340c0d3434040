package gerbil.law;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.GerbilException;
import gerbil.results.LossRow;
import gerbil.results.LossTable;
import gerbil.spec.BudgetClass;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Scale;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

class ScalingFitTest {

    private static final ScalingLaw LAW = new ScalingLaw(1.7, 400, 600, 0.35, 0.3);

    /** Six sizes of four classes, with a spread that seeds have. */
    private static List<LossPoint> synthetic(int seeds) {
        Random random = new Random(0);
        List<LossPoint> points = new ArrayList<>();
        for (ModelSize size : ModelSize.of(Scale.PAPER)) {
            for (BudgetClass budgetClass : BudgetClass.WITHOUT_STAR) {
                double parameters = size.config(Objective.CAUSAL).parameters();
                double tokens = size.budget(budgetClass);
                for (int seed = 0; seed < seeds; seed++) {
                    points.add(new LossPoint(size.modelName(Objective.CAUSAL, budgetClass), parameters, tokens,
                            LAW.loss(parameters, tokens) * Math.exp(0.003 * random.nextGaussian())));
                }
            }
        }
        return points;
    }

    private static void assertHolds(ScalingFit.Parameter parameter, double value) {
        assertTrue(parameter.low() <= value && value <= parameter.high(), parameter + " without " + value);
    }

    @Test
    void knownParametersAreWithinTheirIntervals() {
        ScalingFit fit = ScalingFit.of(synthetic(2));
        Map<String, ScalingFit.Parameter> parameters = fit.parameters().stream()
                .collect(Collectors.toMap(ScalingFit.Parameter::parameter, Function.identity()));
        assertHolds(parameters.get("E"), LAW.e());
        assertHolds(parameters.get("A"), LAW.a());
        assertHolds(parameters.get("B"), LAW.b());
        assertHolds(parameters.get("alpha"), LAW.alpha());
        assertHolds(parameters.get("beta"), LAW.beta());
        assertTrue(parameters.get("alpha").high() - parameters.get("alpha").low() < 0.2);
    }

    @Test
    void predictionsHoldTheLawAndSayWhereNoPointIsNear() {
        ScalingFit fit = ScalingFit.of(synthetic(1));
        Prediction within = fit.predict(2e7, 1e9);
        assertTrue(within.low() <= LAW.loss(2e7, 1e9) && LAW.loss(2e7, 1e9) <= within.high(), within::toString);
        assertFalse(within.extrapolated());
        assertTrue(fit.predict(2e7, 1e11).extrapolated());
        assertTrue(fit.predict(1e9, 2e10).toString().endsWith("extrapolated"));
        for (LossPoint point : synthetic(1)) {
            assertFalse(fit.predict(point.parameters(), point.tokens()).extrapolated(), point.cell());
        }
    }

    @Test
    void whatIsLeftOutIsPredictedFromTheOthers() {
        List<LossPoint> points = new ArrayList<>(synthetic(1));
        LossPoint first = points.get(0);
        points.set(0, new LossPoint(first.cell(), first.parameters(), first.tokens(), first.loss() * 1.1));
        ScalingFit.Checked checked = ScalingFit.of(points).leaveOneOut().get(0);
        assertEquals(LAW.loss(first.parameters(), first.tokens()), checked.predicted(), 0.05);
        assertEquals(100 * (checked.predicted() / checked.loss() - 1), checked.percent(), 1e-9);
    }

    /** Three seeds of a cell are one draw: they leave intervals as wide as one. */
    @Test
    void seedsOfACellDoNotMakeItsIntervalNarrow() {
        List<LossPoint> once = synthetic(1);
        List<LossPoint> thrice = once.stream().flatMap(p -> IntStream.range(0, 3).mapToObj(seed -> p)).toList();
        ScalingFit.Parameter narrow = ScalingFit.of(once).parameters().get(0);
        ScalingFit.Parameter wide = ScalingFit.of(thrice).parameters().get(0);
        assertEquals(narrow.high() - narrow.low(), wide.high() - wide.low(), 0.1 * (narrow.high() - narrow.low()));
    }

    @Test
    void tooFewPointsAreRefusedInASentence() {
        List<LossPoint> points = synthetic(3);
        assertRefused(points.subList(0, 15), "5 cells of 2 sizes", "at least 6 cells of 3 sizes");
        assertRefused(points.subList(0, 24), "8 cells of 2 sizes", "at least 6 cells of 3 sizes");
        assertRefused(List.of(), "0 cells of 0 sizes", "at least 6 cells of 3 sizes");
        assertRefused(IntStream.range(1, 8).mapToObj(i -> new LossPoint("A-" + i, i * 1e6, i * 2e7, 4 - 0.1 * i))
                .toList(), "cells whose tokens", "several budgets");
    }

    private static void assertRefused(List<LossPoint> points, String found, String expected) {
        String message = assertThrows(GerbilException.class, () -> ScalingFit.of(points)).getMessage();
        assertTrue(message.contains(found) && message.contains(expected), message);
    }

    @Test
    void rowsOfTheTableArePointsByBothCounts(@TempDir Path results) throws IOException {
        var published = LossTable.read(results).matrices(LossRow.PUBLISHED, Objective.CAUSAL).get(0);
        LossPoint all = LossPoint.of(published, ParameterCount.ALL).get(0);
        assertEquals(new LossPoint("Gerbil-A-3.3m", 3_326_112, 60e6, 6.6644), all);
        LossPoint body = LossPoint.of(published, ParameterCount.BODY).get(0);
        assertEquals(all.parameters() - 2 * 50_400 * 32 - 50_400, body.parameters());
        assertEquals(9, LossPoint.of(published, ParameterCount.ALL).size());
    }

    /**
     * The points that Besiroglu et al. (2024) read off a figure, without the five of the fewest tokens a parameter;
     * they found 1.8172, 482, 2,085, 0.3478 and 0.3658.
     */
    @Test
    void theRefitOfChinchillaComesOut() throws IOException {
        Path file = Path.of(System.getenv().getOrDefault("GERBIL_CHINCHILLA_POINTS",
                "../shared/reference/chinchilla-points.csv"));
        Assumptions.assumeTrue(Files.exists(file), "no " + file);
        List<LossPoint> points = Files.readAllLines(file).stream().skip(1).map(line -> {
            String[] cells = line.split(",");
            double parameters = Double.parseDouble(cells[0]);
            return new LossPoint(line, parameters, Double.parseDouble(cells[1]) / 6 / parameters,
                    Double.parseDouble(cells[2]));
        }).sorted(Comparator.comparingDouble(p -> p.tokens() / p.parameters())).skip(5).toList();
        assertEquals(240, points.size());
        HuberFit fit = new HuberFit(points);
        ScalingLaw law = fit.run(fit.best(HuberFit.grid(), 50)).get(0).law();
        assertNear(1.817, law.e());
        assertNear(480, law.a());
        assertNear(2_140, law.b());
        assertNear(0.347, law.alpha());
        assertNear(0.367, law.beta());
    }

    private static void assertNear(double expected, double found) {
        assertEquals(expected, found, 0.02 * expected);
    }
}
