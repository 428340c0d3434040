package gerbil.tokens;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;
import gerbil.corpus.Deduplication;
import gerbil.corpus.TextFolder;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPOutputStream;

/** A small preparation that has stopped half way, for tests elsewhere. */
public final class StoppedPreparation {

    private static final int FILES = 6;
    private static final int LINES = 20;

    private final Path folder;

    /**
     * Stops it by a line that is bad, which it is later allowed.
     *
     * @param folder for its corpus and what is written
     */
    public StoppedPreparation(Path folder) throws IOException {
        this.folder = folder;
        Path corpus = Files.createDirectories(folder.resolve("corpus"));
        for (int i = 0; i < FILES; i++) {
            try (OutputStream lines = new GZIPOutputStream(Files.newOutputStream(corpus.resolve(i + ".jsonl.gz")))) {
                for (int j = 0; j < LINES; j++) {
                    String text = "On day " + (i * LINES + j) % (FILES * LINES / 2) + " the gerbil ran. ";
                    lines.write((Json.line(Map.of("text", text.repeat(9))) + "\n").getBytes(StandardCharsets.UTF_8));
                }
                if (i == 0) {
                    lines.write('{');
                }
            }
        }
        try {
            prepare("begun", 0);
            throw new IllegalStateException("not stopped");
        } catch (GerbilException e) {
            if (Files.size(file("copies/ids.bin")) == 0) {
                throw new IllegalStateException("stopped before anything was done", e);
            }
        }
    }

    private void prepare(String out, int bad) {
        new Preparation(TextFolder.open(folder.resolve("corpus")), Vocabulary.cut(1_024), Long.MAX_VALUE,
                Long.MAX_VALUE, 5, new Screening(Deduplication.NEAR, bad, true), Progress.NONE, 1, Duration.ZERO)
                .into(folder.resolve(out));
    }

    /** A file that is gone on with. */
    public Path file(String name) {
        return folder.resolve("begun.partial").resolve(name);
    }

    /** Goes on to the end with a copy of what is there; what is written, by name. */
    public Map<String, String> goneOnWith() throws IOException {
        Path partial = folder.resolve("copy.partial");
        Path begun = folder.resolve("begun.partial");
        try {
            for (Path file : Folders.files(begun).keySet()) {
                Path copy = partial.resolve(begun.relativize(file).toString());
                Files.createDirectories(copy.getParent());
                Files.copy(file, copy);
            }
            prepare("copy", FILES);
            Map<String, String> content = new TreeMap<>();
            for (Path file : Folders.files(folder.resolve("copy")).keySet()) {
                content.put(folder.resolve("copy").relativize(file).toString(), Sha256.hex(file));
            }
            return content;
        } finally {
            WholeFile.delete(partial);
            WholeFile.delete(folder.resolve("copy"));
        }
    }
}
