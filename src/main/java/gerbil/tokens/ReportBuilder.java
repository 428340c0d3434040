package gerbil.tokens;

import gerbil.base.GerbilException;
import gerbil.corpus.BadFile;
import gerbil.corpus.Block;
import gerbil.corpus.Defect;
import gerbil.corpus.DuplicateIndex.Duplicate;

import java.util.ArrayList;
import java.util.List;

/** Counts what becomes of documents, and ends the preparation when too many are bad. */
final class ReportBuilder {

    private static final int EXAMPLES = 100;

    private final Screening screening;
    private long documents;
    private long blank;
    private long exactDuplicates;
    private long nearDuplicates;
    private final List<Duplicate> exactExamples = new ArrayList<>();
    private final List<Duplicate> nearExamples = new ArrayList<>();
    private final List<Defect> defects = new ArrayList<>();
    private final List<Defect> badFiles = new ArrayList<>();

    ReportBuilder(Screening screening) {
        this.screening = screening;
    }

    ReportBuilder(Screening screening, PreparationReport report) {
        this(screening);
        documents = report.documents();
        blank = report.blank();
        exactDuplicates = report.exactDuplicates();
        nearDuplicates = report.nearDuplicates();
        exactExamples.addAll(report.exactExamples());
        nearExamples.addAll(report.nearExamples());
        defects.addAll(report.defects());
        badFiles.addAll(report.badFiles());
    }

    void document() {
        documents++;
    }

    void duplicate(Duplicate duplicate) {
        exactDuplicates += duplicate.exact() ? 1 : 0;
        nearDuplicates += duplicate.exact() ? 0 : 1;
        List<Duplicate> examples = duplicate.exact() ? exactExamples : nearExamples;
        if (examples.size() < EXAMPLES) {
            examples.add(duplicate);
        }
    }

    /**
     * @throws GerbilException if there are more bad documents than may be
     */
    void passedOver(Block.Content content) {
        blank += content.blank();
        defects.addAll(content.defects());
        if (defects.size() > screening.badDocuments()) {
            Defect last = defects.get(screening.badDocuments());
            throw new GerbilException(defects.size() + " documents that cannot be read, of them "
                    + last.place() + ", which " + last.reason(),
                    "at most " + screening.badDocuments() + " among " + (documents + defects.size()),
                    "mend or delete them, or allow more bad documents");
        }
    }

    /**
     * @throws BadFile if bad files may not be skipped
     */
    void passedOver(BadFile file) {
        if (!screening.skipBadFiles()) {
            throw file;
        }
        badFiles.add(file.defect());
    }

    PreparationReport report() {
        return new PreparationReport(documents, blank, defects.size(), exactDuplicates, nearDuplicates,
                List.copyOf(exactExamples), List.copyOf(nearExamples), List.copyOf(defects), List.copyOf(badFiles));
    }
}
