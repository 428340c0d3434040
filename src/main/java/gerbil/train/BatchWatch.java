package gerbil.train;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.objective.Sequences;
import gerbil.runs.TrainingListener;
import gerbil.spec.RunSpec;
import gerbil.spec.StepMetrics;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokens.TokenSet;
import org.apache.commons.math3.stat.StatUtils;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Tells of the first {@value #MOST} batches whose loss stands out, and of as many whose loss was no number, and writes
 * their texts down so that they can be read.
 *
 * @param tokenizer of the run
 * @param folder of the texts, a file a batch
 * @param lossScale which leaves batches out as a matter of course, if it adapts
 */
record BatchWatch(RunSpec spec, TokenSet tokens, Sequences data, Tokenizer tokenizer, Path folder,
                  TrainingListener listener, LossScale lossScale) {

    /** A batch that has no loss for its text's sake comes alone; weights that have diverged give none for any text. */
    static final int MOST_LEFT_OUT = 10;
    /** Losses that one is compared with. */
    private static final int COMPARED = 100;
    /** Above their mean. No loss of 37 recorded nano runs was. */
    private static final double DEVIATIONS = 5;
    private static final int MOST = 100;

    /**
     * Looks at the last of the steps so far, and tells of it if it stands out.
     *
     * @return what ends the run, if as many batches as may be were left out, one after another
     */
    Optional<GerbilException> see(List<StepMetrics> steps) throws IOException {
        StepMetrics last = steps.get(steps.size() - 1);
        if (last.leftOut()) {
            boolean overflow = lossScale.isDynamic() && Double.isFinite(last.loss());
            if (!overflow || lossScale.isTooSmall()) {
                tell(last, "was left out: its loss is " + last.loss() + ", its gradient's norm " + last.gradientNorm());
            }
            return lossScale.isTooSmall() ? Optional.of(tooSmallScale(last))
                    : !overflow && leftOutAtTheEnd(steps) % MOST_LEFT_OUT == 0 ? Optional.of(hopeless(last))
                    : Optional.empty();
        }
        double[] before = steps.subList(Math.max(0, steps.size() - 1 - COMPARED), steps.size() - 1).stream()
                .mapToDouble(StepMetrics::loss).filter(Double::isFinite).toArray();
        double mean = StatUtils.mean(before);
        double deviation = Math.sqrt(StatUtils.variance(before));
        if (steps.size() > COMPARED && last.loss() > mean + DEVIATIONS * deviation) {
            tell(last, String.format(Locale.ROOT, "stands out: its loss is %.4f, after %d of %.4f with a standard "
                    + "deviation of %.4f", last.loss(), COMPARED, mean, deviation));
        }
        return Optional.empty();
    }

    private static int leftOutAtTheEnd(List<StepMetrics> steps) {
        int count = 0;
        while (count < steps.size() && steps.get(steps.size() - 1 - count).leftOut()) {
            count++;
        }
        return count;
    }

    private GerbilException hopeless(StepMetrics last) {
        return new GerbilException(MOST_LEFT_OUT + " batches one after another, up to that of step " + last.step()
                + ", whose loss or gradient is not a number (at last " + last.loss() + " and " + last.gradientNorm()
                + ")", "numbers", "read their texts in " + folder + ". If they are as others, the weights have "
                + "diverged: train a new run with a lower learning rate than " + spec.optimizer().learningRate()
                + ". If they are not, start the same run again: it goes on after them");
    }

    private GerbilException tooSmallScale(StepMetrics last) {
        return new GerbilException("a loss scale of " + lossScale.value() + " at step " + last.step()
                + ", halved again and again since float16 overflowed", "at least " + LossScale.LEAST,
                "read the last text in " + folder + ". If it is as others, train a new run with a lower learning rate "
                        + "than " + spec.optimizer().learningRate() + ", or in bfloat16 or float32. If it is not, "
                        + "start the same run again: it goes on after it");
    }

    private void tell(StepMetrics step, String what) throws IOException {
        Path file = folder.resolve(String.format(Locale.ROOT, "step-%07d.txt", step.step()));
        Folders.create(folder);
        try (Stream<Path> texts = Files.list(folder)) {
            // of an unstable run there is no end of them; losses that stand out leave room for what was left out
            if (texts.count() < (step.leftOut() ? 2 * MOST : MOST)) {
                Files.writeString(file, texts(step.step()));
                listener.note("The batch of step " + step.step() + " " + what + ". To read it: " + file + ".");
            }
        }
    }

    private String texts(int step) {
        StringBuilder texts = new StringBuilder();
        for (int i = 0; i < spec.batchSequences(); i++) {
            long sequence = spec.sequencesBefore(step) + i;
            texts.append("--- ").append(tokens.place(data.position(sequence))).append('\n')
                    .append(tokenizer.decodeTagged(Arrays.stream(data.batch(sequence, 1).inputs())
                            .mapToInt(Math::toIntExact).toArray())).append('\n');
        }
        return texts.toString();
    }
}
