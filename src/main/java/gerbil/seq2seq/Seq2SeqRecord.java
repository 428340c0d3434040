package gerbil.seq2seq;

import gerbil.base.Folders;
import gerbil.base.Json;
import gerbil.base.WholeFile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Runs that were measured, a line of JSON each.
 *
 * @param file {@code encoder-decoder.jsonl} in the folder of results
 */
public record Seq2SeqRecord(Path file) {

    /** The record in a folder of results. */
    public static Seq2SeqRecord in(Path results) {
        return new Seq2SeqRecord(results.resolve("encoder-decoder.jsonl"));
    }

    private List<Seq2SeqResult> all() throws IOException {
        return Files.exists(file) ? Files.readAllLines(file).stream()
                .map(line -> Json.parse(line, Seq2SeqResult.class, file.toString())).toList() : List.of();
    }

    /** The result of a run: read, or else measured and added. */
    public Seq2SeqResult of(Seq2SeqTraining training) throws IOException {
        Optional<Seq2SeqResult> known = all().stream().filter(r -> r.spec().equals(training.spec())).findFirst();
        if (known.isPresent()) {
            return known.get();
        }
        Seq2SeqResult result = training.run();
        Folders.create(file.getParent());
        String lines = String.join("", Stream.concat(all().stream(), Stream.of(result))
                .map(r -> Json.line(r) + "\n").toList());
        WholeFile.write(file, lines);
        return result;
    }
}
