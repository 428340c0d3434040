package gerbil.tokens;

import com.fasterxml.jackson.annotation.JsonAlias;
import gerbil.base.Json;
import gerbil.base.Unchecked;
import gerbil.corpus.Defect;
import gerbil.corpus.DuplicateIndex.Duplicate;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What became of the documents that were read: {@code report.json} beside the token sets.
 *
 * @param documents read, duplicates among them, blank and bad ones not
 * @param blank empty or whitespace, passed over
 * @param bad that could not be read and were passed over
 * @param exactDuplicates dropped
 * @param nearDuplicates dropped
 * @param exactExamples the first of them
 * @param nearExamples the first of them
 * @param defects the bad documents
 * @param badFiles files whose rest was passed over
 */
public record PreparationReport(long documents, long blank, long bad, @JsonAlias("exactCopies") long exactDuplicates,
                                @JsonAlias("nearCopies") long nearDuplicates,
                                List<Duplicate> exactExamples, List<Duplicate> nearExamples, List<Defect> defects,
                                List<Defect> badFiles) {

    static final String FILE = "report.json";

    /** The report of prepared tokens; those of earlier versions have none. */
    public static Optional<PreparationReport> of(Path folder) {
        Path file = folder.resolve(FILE);
        return Unchecked.io(() -> Files.exists(file) ? Optional.of(Json.read(file, PreparationReport.class))
                : Optional.empty());
    }
}
