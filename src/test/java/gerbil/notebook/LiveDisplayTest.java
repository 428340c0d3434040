package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.runs.Preview;
import gerbil.spec.StepMetrics;
import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

class LiveDisplayTest {

    private final List<MimeBundle> shown = new ArrayList<>();
    private long now;
    private final LiveDisplay display = new LiveDisplay(shown::add, Duration.ofMillis(200), () -> now);

    @Test
    void framesThatComeTooSoonAreDroppedAndTheLastOneNever() {
        for (now = 0; now < Duration.ofSeconds(1).toNanos(); now += Duration.ofMillis(10).toNanos()) {
            display.frame(() -> MimeBundle.html("", "frame"));
        }
        assertEquals(5, shown.size());
        display.show(MimeBundle.html("", "end"));
        assertEquals("end", shown.get(5).plainText());
    }

    @Test
    void trainingShowsACurveAndClosesIntoOneLine() {
        try (LiveTraining training = new LiveTraining("Gerbil-A-3.3m", display)) {
            training.step(new StepMetrics(1, 8_192, 7, 1e-4, 1, 8_000), 2);
            String frame = (String) shown.get(0).forms().get("text/html");
            assertTrue(frame.contains("step 1 of 2 (50%), 8.19k tokens, 8k tokens/s, loss 7.0000"), frame);
            assertTrue(frame.contains("<svg"));
            training.step(new StepMetrics(2, 16_384, 6, 1e-4, 1, 8_000), 2);
        }
        String left = shown.get(shown.size() - 1).plainText();
        assertTrue(left.matches("Gerbil-A-3.3m: 2 steps, 16.4k tokens, .* s \\(8k tokens/s\\), loss 6.5000"), left);
    }

    @Test
    void trainingShowsHeldOutLossAndASample() {
        try (LiveTraining training = new LiveTraining("run", display)) {
            training.preview(() -> new Preview(100, 6.5, "if (a < b)"));
            training.step(new StepMetrics(1, 100, 7, 1e-4, 1, 100), 3);
            String frame = (String) shown.get(0).forms().get("text/html");
            assertTrue(frame.contains("After 100 tokens it has a held-out loss of about 6.50"), frame);
            assertTrue(frame.contains("if (a &lt; b)</pre>"), frame);
            assertEquals(1, frame.split("<circle").length - 1, frame);
        }
    }

    @Test
    void trainingThatEndsEarlySaysSo() {
        try (LiveTraining training = new LiveTraining("run", display)) {
            training.step(new StepMetrics(1, 100, 7, 1e-4, 1, 100), 10);
        }
        assertTrue(shown.get(1).plainText().startsWith("run: stopped after step 1 of 10"), shown.get(1).plainText());
        assertTrue(((String) shown.get(1).forms().get("text/html")).contains("<svg"), "the curve stays");
    }

    @Test
    void aTrainingThatDoesNotBeginLeavesNothing() {
        new LiveTraining("locked", display).close();
        assertEquals(List.of(), shown);
    }

    @Test
    void aRunThatFinishedBeforeSaysSo() {
        try (LiveTraining training = new LiveTraining("done", display)) {
            training.begin(List.of(new StepMetrics(1, 100, 7, 1e-4, 1, 100)), 1);
        }
        assertEquals("done: finished before, not trained again", shown.get(0).plainText());
    }

    @Test
    void theCurveOfAResumedRunHasItsBeginning() {
        try (LiveTraining training = new LiveTraining("run", display)) {
            training.begin(List.of(new StepMetrics(1, 100, 9, 1e-4, 1, 100),
                    new StepMetrics(2, 200, 8, 1e-4, 1, 100)), 4);
            training.step(new StepMetrics(3, 300, 7, 1e-4, 1, 100), 4);
        }
        String frame = (String) shown.get(0).forms().get("text/html");
        String points = frame.replaceAll("(?s).* points=\"(.*?)\".*", "$1");
        assertEquals(3, points.trim().split(" ").length, frame);
        assertTrue(frame.contains("loss 8.0000, 1.0 s left"), frame);
    }

    @Test
    void progressKeepsALineForEachJob() {
        try (NotebookProgress progress = new NotebookProgress(display)) {
            progress.update("reading", 5, 0, "documents");
            now += Duration.ofSeconds(1).toNanos();
            progress.update("writing tokens", 250, 1_000, "tokens");
            assertTrue(shown.get(1).plainText().contains("writing tokens: 25%, 250 of 1,000 tokens"));
            progress.update("writing tokens", 1_000, 1_000, "tokens");
        }
        String[] left = shown.get(2).plainText().split("\n");
        assertTrue(left[0].startsWith("reading: 5 documents in "), left[0]);
        assertTrue(left[1].startsWith("writing tokens: 1,000 tokens in "), left[1]);
    }

    @Test
    void aLoopShowsWhatItIsDoneWith() {
        List<String> seen = new ArrayList<>();
        var models = new NotebookProgress(display).iterator(List.of("a", "b", "c"), "scoring", "models");
        while (models.hasNext()) {
            seen.add(models.next());
            assertTrue(shown.get(seen.size() - 1).plainText().startsWith("scoring: " + List.of("0%, 0 of 3 models, ?",
                    "33%, 1 of 3 models, ", "66%, 2 of 3 models, ").get(seen.size() - 1)), shown::toString);
            now += Duration.ofSeconds(1).toNanos();
        }
        assertEquals(List.of("a", "b", "c"), seen);
        assertTrue(shown.get(shown.size() - 1).plainText().startsWith("scoring: 3 models in "), shown::toString);
    }
}
