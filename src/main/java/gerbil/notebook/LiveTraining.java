package gerbil.notebook;

import gerbil.base.Units;
import gerbil.runs.DetachedRun;
import gerbil.runs.Preview;
import gerbil.runs.TrainingListener;
import gerbil.spec.RunResult;
import gerbil.spec.StepMetrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Shows a run while it trains: how far it is, how fast, how long it will take and the curve of its loss, in one display
 * that closes into a single line. Give it to the trainer as its listener, inside try-with-resources.
 */
public final class LiveTraining implements TrainingListener, AutoCloseable {

    /** Steps whose mean is the loss shown: a single batch is noisy. */
    private static final int RECENT = 20;
    private static final String STANDS_STILL = "If this stands still because the tab was closed, the run goes on all "
            + "the same: run the cell again to see its end.";

    private final String name;
    private final LiveDisplay display;
    private final String unfinished;
    private final List<StepMetrics> seen = new ArrayList<>();
    private final List<Preview> previews = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();
    private int before;
    private int steps;

    /**
     * @param name of the run
     */
    public LiveTraining(String name) {
        this(name, LiveDisplay.open());
    }

    LiveTraining(String name, LiveDisplay display) {
        this(name, display, "stopped after");
    }

    /** @param unfinished what to leave if the last step was not done: "stopped after" */
    private LiveTraining(String name, LiveDisplay display, String unfinished) {
        this.name = name;
        this.display = display;
        this.unfinished = unfinished;
    }

    /**
     * Shows a run that a process of its own trains, until it has finished.
     *
     * @throws gerbil.base.GerbilException as {@link DetachedRun#follow}; interrupting the cell leaves the run alone
     */
    public static RunResult follow(DetachedRun run) {
        try (LiveTraining live = new LiveTraining(run.spec().model(), LiveDisplay.open(), "seen up to")) {
            return run.follow(live);
        }
    }

    @Override
    public synchronized void begin(List<StepMetrics> earlier, int ofSteps) {
        steps = ofSteps;
        before = earlier.size();
        seen.addAll(earlier);
    }

    @Override
    public synchronized void step(StepMetrics metrics, int ofSteps) {
        steps = ofSteps;
        seen.add(metrics);
        display.frame(this::frame);
    }

    @Override
    public synchronized void preview(Supplier<Preview> preview) {
        previews.add(preview.get());
    }

    @Override
    public synchronized void note(String sentence) {
        notes.add(sentence);
    }

    /** Leaves one line in the display's place, of an unfinished run its curve too; nothing if nothing was done. */
    @Override
    public synchronized void close() {
        if (!seen.isEmpty()) {
            String line = closingLine();
            display.show(MimeBundle.html(paragraph(line) + noted() + (last().step() < steps ? curve() : ""), line));
        }
    }

    private MimeBundle frame() {
        StepMetrics last = last();
        String line = String.format(Locale.ROOT,
                "%s: step %,d of %,d (%d%%), %s tokens, %s tokens/s, loss %.4f, %s left", name, last.step(), steps,
                100L * last.step() / steps, Units.count(last.tokens()), Units.count(tokensPerSecond()), recentLoss(),
                Units.seconds(left()));
        return MimeBundle.html(paragraph(line) + noted() + "<progress style=\"width:640px\" max=\"" + steps
                + "\" value=\"" + last.step() + "\"></progress>\n" + curve() + sample()
                + "<p style=\"opacity:0.7\">" + STANDS_STILL + "</p>", line);
    }

    private String curve() {
        SvgCurve curve = new SvgCurve("tokens", Charts.LOSS).add("training", List.of(LossCurve.of(seen)));
        if (!previews.isEmpty()) {
            curve.dots("held out", previews.stream().mapToDouble(Preview::tokens).toArray(),
                    previews.stream().mapToDouble(Preview::heldOutLoss).toArray());
        }
        return "<div>" + curve.svg() + "</div>";
    }

    private String sample() {
        if (previews.isEmpty()) {
            return "";
        }
        Preview latest = previews.get(previews.size() - 1);
        return paragraph("After " + Units.count(latest.tokens()) + " tokens it has a held-out loss of about "
                + String.format(Locale.ROOT, "%.2f", latest.heldOutLoss()) + " and begins a document so:")
                + "<pre style=\"white-space:pre-wrap\">" + Html.escape(latest.sample()) + "</pre>\n";
    }

    private String noted() {
        return notes.stream().map(LiveTraining::paragraph).collect(Collectors.joining());
    }

    private static String paragraph(String line) {
        return "<p>" + Html.escape(line) + "</p>\n";
    }

    private String closingLine() {
        StepMetrics last = last();
        if (before == steps) {
            return name + ": finished before, not trained again";
        }
        return String.format(Locale.ROOT, "%s: %s, %s tokens, %s (%s tokens/s), loss %.4f", name,
                last.step() >= steps ? String.format(Locale.ROOT, "%,d steps", last.step())
                        : String.format(Locale.ROOT, "%s step %,d of %,d", unfinished, last.step(), steps),
                Units.count(last.tokens()), Units.seconds(elapsed()), Units.count(tokensPerSecond()), recentLoss());
    }

    private StepMetrics last() {
        return seen.get(seen.size() - 1);
    }

    private double recentLoss() {
        return StepMetrics.meanLoss(seen.subList(Math.max(0, seen.size() - RECENT), seen.size()));
    }

    /** Over all steps seen, each with its own time: evaluation and checkpoints between them do not count. */
    private double tokensPerSecond() {
        return seen.size() / seen.stream().mapToDouble(step -> 1 / step.tokensPerSecond()).sum();
    }

    private double left() {
        return elapsed() * (steps - last().step()) / seen.size();
    }

    /** Seconds of all steps seen; of a run that is followed some of them may be long past. */
    private double elapsed() {
        return seen.stream().mapToDouble(m -> (double) m.tokens() / m.step() / m.tokensPerSecond()).sum();
    }
}
