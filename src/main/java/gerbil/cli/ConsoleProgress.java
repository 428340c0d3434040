package gerbil.cli;

import gerbil.base.Progress;
import gerbil.spec.StepMetrics;
import gerbil.train.TrainingListener;

import java.io.PrintStream;
import java.util.Locale;

/** Progress as a line on the terminal's error stream, at most one each two seconds. */
final class ConsoleProgress implements Progress, TrainingListener {

    private static final long NANOSECONDS_BETWEEN = 2_000_000_000;

    private final PrintStream out = System.err;
    private long last;
    private int steps;
    private double stepSeconds;

    @Override
    public void update(String what, long done, long total, String unit) {
        if (due(done == total)) {
            out.printf(Locale.ROOT, "%s: %,d%s %s%n", what, done,
                    total > 0 && total < Long.MAX_VALUE ? String.format(Locale.ROOT, " of %,d", total) : "", unit);
        }
    }

    @Override
    public void step(StepMetrics m, int ofSteps) {
        // by the steps' own times: who watches a run may have come late
        steps++;
        stepSeconds += (double) m.tokens() / m.step() / m.tokensPerSecond();
        if (due(m.step() == ofSteps)) {
            out.printf(Locale.ROOT, "step %d of %d, loss %.4f, learning rate %.2e, gradient norm %.2f, "
                            + "%,.0f tokens/s, %s left%n", m.step(), ofSteps, m.loss(), m.learningRate(),
                    m.gradientNorm(), m.tokensPerSecond(), Durations.text(stepSeconds / steps * (ofSteps - m.step())));
        }
    }

    private boolean due(boolean finished) {
        long now = System.nanoTime();
        if (!finished && now - last < NANOSECONDS_BETWEEN) {
            return false;
        }
        last = now;
        return true;
    }
}
