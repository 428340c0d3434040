package gerbil.base;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What took long to measure and is kept, a line of JSON each, in a file that can be committed.
 *
 * @param file made by the first measurement
 * @param type what a line holds
 */
public record Measurements<R>(Path file, Class<R> type) {

    /**
     * The one that is wanted: read, or else measured and added.
     *
     * @throws GerbilException if a line is no such JSON
     */
    public R of(Predicate<R> wanted, Supplier<R> measurement) {
        return all().stream().filter(wanted).findFirst().orElseGet(() -> add(measurement.get()));
    }

    private List<R> all() {
        return Unchecked.io(() -> Files.exists(file) ? Files.readAllLines(file).stream()
                .map(line -> Json.parse(line, type, file.toString())).toList() : List.of());
    }

    private R add(R measured) {
        try {
            Folders.create(file.getParent());
            WholeFile.write(file, Stream.concat(all().stream(), Stream.of(measured)).map(r -> Json.line(r) + "\n")
                    .collect(Collectors.joining()));
            return measured;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
