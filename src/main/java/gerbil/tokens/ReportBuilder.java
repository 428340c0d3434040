package gerbil.tokens;

import gerbil.base.GerbilException;
import gerbil.corpus.BadFile;
import gerbil.corpus.Block;
import gerbil.corpus.Defect;
import gerbil.corpus.DuplicateIndex.Duplicate;
import gerbil.corpus.HeldOut;

import java.util.ArrayList;
import java.util.List;

/** Counts what becomes of documents, and ends the preparation when too many are bad. */
final class ReportBuilder {

    static final String BOTH_KINDS =
            "both kinds; about one document in " + HeldOut.ONE_IN + " is held out, chosen by its text";
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
            throw new GerbilException(defects.size() + " documents that cannot be read, " + first(defects),
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

    private static String first(List<Defect> defects) {
        return "the first of them " + defects.get(0).place() + ", which " + defects.get(0).reason();
    }

    /** What to throw if nothing is left for one kind of documents: it says why, and what helps. */
    GerbilException without(String kind, String corpus) {
        long duplicates = exactDuplicates + nearDuplicates;
        String found = "the corpus " + corpus + " has no " + kind + " documents; " + documents + " were read"
                + (duplicates == 0 ? "" : ", " + duplicates + " of them dropped as duplicates of others")
                + (blank == 0 ? "" : "; " + blank + " are blank")
                + (defects.isEmpty() ? "" : "; " + defects.size() + " cannot be read, " + first(defects))
                + (badFiles.isEmpty() ? "" : "; bad files: " + badFiles.size() + ", " + first(badFiles));
        if (documents == 0) {
            return new GerbilException(found, "documents that can be read",
                    "mend these, or name files of another kind as the corpus");
        }
        if (documents >= HeldOut.ONE_IN && documents - duplicates < HeldOut.ONE_IN) {
            return new GerbilException(found, "documents that differ from one another",
                    "add others, or let fewer count as duplicates");
        }
        return new GerbilException(found, BOTH_KINDS,
                "add documents, or split long texts into one document a line of a .jsonl file");
    }

    PreparationReport report() {
        return new PreparationReport(documents, blank, defects.size(), exactDuplicates, nearDuplicates,
                List.copyOf(exactExamples), List.copyOf(nearExamples), List.copyOf(defects), List.copyOf(badFiles));
    }
}
