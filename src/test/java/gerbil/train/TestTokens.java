package gerbil.train;

import gerbil.base.Progress;
import gerbil.corpus.TextFolder;
import gerbil.runs.Workspace;
import gerbil.spec.Scale;
import gerbil.tokens.Preparation;
import gerbil.tokens.PreparedTokens;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Token sets of this project's own Java source, cut into documents of a few lines. */
public final class TestTokens {

    private static final int LINES = 12;

    private TestTokens() {
    }

    /** Training tokens up to a limit, and about 1,000 held-out ones. */
    public static PreparedTokens prepare(Path folder, long tokens) {
        return prepare(folder, tokens, 1_000);
    }

    static PreparedTokens prepare(Path folder, long tokens, long heldout) {
        try (Stream<Path> files = Files.walk(Path.of("src/main/java"))) {
            Path texts = Files.createDirectories(folder.resolve("texts"));
            List<String> lines = new ArrayList<>();
            for (Path file : files.filter(f -> f.toString().endsWith(".java")).sorted().toList()) {
                lines.addAll(Files.readAllLines(file));
            }
            for (int i = 0; i < lines.size(); i += LINES) {
                Files.write(texts.resolve(i + ".txt"), lines.subList(i, Math.min(i + LINES, lines.size())));
            }
            return Preparation.prepare(TextFolder.open(texts), Workspace.vocabulary(Scale.NANO),
                    folder.resolve("tokens"), tokens, heldout, 0, Progress.NONE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
