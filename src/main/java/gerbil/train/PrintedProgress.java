package gerbil.train;

import gerbil.base.Progress;
import gerbil.base.Units;
import gerbil.runs.TrainingListener;
import gerbil.spec.StepMetrics;

import java.io.PrintStream;
import java.util.Locale;

/** Progress as printed lines, at most one each two seconds. */
public final class PrintedProgress implements Progress, TrainingListener {

    private static final long NANOSECONDS_BETWEEN = 2_000_000_000;

    private final PrintStream out;
    private long last;
    private int steps;
    private double stepSeconds;

    /**
     * @param out to print to: {@code System.err}, a file
     */
    public PrintedProgress(PrintStream out) {
        this.out = out;
    }

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
                    m.gradientNorm(), m.tokensPerSecond(), Units.seconds(stepSeconds / steps * (ofSteps - m.step())));
        }
    }

    @Override
    public void note(String sentence) {
        out.println(sentence);
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
