package gerbil.notebook;

import gerbil.spec.StepMetrics;
import gerbil.train.TrainingListener;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Shows a run while it trains: how far it is, how fast, how long it will take and the curve of its loss, in one display
 * that closes into a single line. Give it to the trainer as its listener, inside try-with-resources.
 */
public final class LiveTraining implements TrainingListener, AutoCloseable {

    /** Steps whose mean is the loss shown: a single batch is noisy. */
    private static final int RECENT = 20;

    private final String name;
    private final LiveDisplay display;
    private final long start = System.nanoTime();
    private final List<StepMetrics> seen = new ArrayList<>();
    private int steps;

    /**
     * @param name of the run
     */
    public LiveTraining(String name) {
        this(name, LiveDisplay.open());
    }

    LiveTraining(String name, LiveDisplay display) {
        this.name = name;
        this.display = display;
    }

    @Override
    public synchronized void step(StepMetrics metrics, int ofSteps) {
        steps = ofSteps;
        seen.add(metrics);
        display.frame(this::frame);
    }

    /** Leaves one line in the display's place. */
    @Override
    public synchronized void close() {
        String line = seen.isEmpty() ? name + ": finished before, not trained again" : closingLine();
        display.show(MimeBundle.html("<p>" + Html.escape(line) + "</p>", line));
    }

    private MimeBundle frame() {
        StepMetrics last = last();
        String line = String.format(Locale.ROOT,
                "%s: step %,d of %,d (%d%%), %s tokens, %s tokens/s, loss %.4f, %s left", name, last.step(), steps, 100L * last.step() / steps, Units.count(last.tokens()),
                Units.count(tokensPerSecond()), recentLoss(), Units.duration(left()));
        LossCurve curve = LossCurve.of(seen);
        String svg = new SvgCurve("tokens", "loss (nats a token)").add(name, curve.tokens(), curve.loss()).svg();
        return MimeBundle.html("<p>" + Html.escape(line) + "</p>\n<progress style=\"width:640px\" max=\"" + steps
                + "\" value=\"" + last.step() + "\"></progress>\n<div>" + svg + "</div>", line);
    }

    private String closingLine() {
        StepMetrics last = last();
        return String.format(Locale.ROOT, "%s: %s, %s tokens, %s (%s tokens/s), loss %.4f", name,
                last.step() >= steps ? String.format(Locale.ROOT, "%,d steps", last.step())
                        : String.format(Locale.ROOT, "stopped after step %,d of %,d", last.step(), steps),
                Units.count(last.tokens()), Units.duration(elapsed()), Units.count(tokensPerSecond()), recentLoss());
    }

    private StepMetrics last() {
        return seen.get(seen.size() - 1);
    }

    private double recentLoss() {
        return LossCurve.mean(seen.subList(Math.max(0, seen.size() - RECENT), seen.size()));
    }

    /** Over all steps seen, each with its own time: evaluation and checkpoints between them do not count. */
    private double tokensPerSecond() {
        return seen.size() / seen.stream().mapToDouble(step -> 1 / step.tokensPerSecond()).sum();
    }

    private Duration left() {
        return elapsed().multipliedBy(steps - last().step()).dividedBy(seen.size());
    }

    private Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - start);
    }
}
