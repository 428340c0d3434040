package gerbil.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import gerbil.base.GerbilException;
import gerbil.cli.Gerbil;
import gerbil.hub.LanguageModel;
import gerbil.kernels.Sampling;
import gerbil.runs.RunDirectory;
import gerbil.runs.TrainedModel;
import gerbil.runs.TrainingListener;
import gerbil.spec.RunSpec;
import gerbil.spec.TrainingPath;
import gerbil.tokens.PreparedTokens;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The kit's heart in countries with digits, decimal signs and small letters of their own is the same as in none. */
class LocaleTest {

    private static final int STEPS = 12;
    private static final int STOP = 7;
    /** They say when it was, how long it took, or which process. */
    private static final Pattern TIMED = Pattern.compile("results/.*|.*/(lock|[a-z]+\\.jsonl?)");
    private static final Pattern FOREIGN_DIGIT = Pattern.compile("[\\p{Nd}&&[^0-9]]");

    @TempDir
    private static Path shared;
    private static Outcome expected;

    @TempDir
    private Path home;

    /** What a session printed, and its files by name. */
    private record Outcome(String printed, Map<String, byte[]> files) {
    }

    @BeforeAll
    static void inNoCountry() throws Exception {
        expected = session(shared, "", "");
        assertFalse(expected.files.isEmpty());
    }

    @ParameterizedTest
    @CsvSource({"fa, IR", "ar, EG", "bn, BD", "tr, TR"})
    void namesFilesAndWhatIsPrintedAreTheSame(String language, String country) throws Exception {
        Outcome found = session(home, language, country);
        assertEquals(expected.printed, found.printed);
        assertEquals(expected.files.keySet(), found.files.keySet());
        for (String file : expected.files.keySet()) {
            byte[] content = found.files.get(file);
            if (TIMED.matcher(file).matches()) {
                String text = new String(content, StandardCharsets.UTF_8);
                assertFalse(FOREIGN_DIGIT.matcher(text).find(), () -> file + ": " + text);
            } else {
                assertArrayEquals(expected.files.get(file), content, file);
            }
        }
    }

    private static Outcome session(Path home, String language, String country) throws Exception {
        Process child = Child.start(List.of("-Dgerbil.home=" + home, "-Dfile.encoding=UTF-8",
                "-XX:TieredStopAtLevel=1", "-Duser.language=" + language, "-Duser.country=" + country),
                Session.class, home.toString());
        String printed = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, child.waitFor(), printed);
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> all = Files.walk(home)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                files.put(home.relativize(file).toString(), Files.readAllBytes(file));
            }
        }
        String seconds = "(?m) *\\d+ *\\|$"; // the table's last column
        return new Outcome(printed.replace(home.toString(), "home").replaceAll(seconds, ""), files);
    }

    /** Prepares, trains, is interrupted, goes on, writes, and makes the table. */
    static final class Session {

        private Session() {
        }

        public static void main(String[] args) throws IOException {
            Path home = Path.of(args[0]);
            PreparedTokens tokens = TestTokens.prepare(home, 20_000);
            RunSpec spec = SmallRun.of(tokens, STEPS);
            RunDirectory directory = RunDirectory.of(home.resolve("runs"), spec);
            assertThrows(GerbilException.class, () -> trainer(spec, tokens, directory, (metrics, steps) -> {
                if (metrics.step() == STOP) {
                    Thread.currentThread().interrupt();
                }
            }).run());
            List<Integer> steps = new ArrayList<>();
            trainer(spec, tokens, directory, (metrics, all) -> steps.add(metrics.step())).run();
            System.out.println(steps);
            try (LanguageModel model = TrainedModel.openFolder(directory.folder())) {
                System.out.println(model.continueText("public ", 50, new Sampling(1, 0, 1), 0));
            }
            Gerbil.main("table");
        }

        private static Trainer trainer(RunSpec spec, PreparedTokens tokens, RunDirectory directory,
                                       TrainingListener listener) {
            return new Trainer(spec, tokens, directory, () -> SmallRun.settings(TrainingPath.FUSED, 2), listener,
                    Duration.ofHours(1));
        }
    }
}
