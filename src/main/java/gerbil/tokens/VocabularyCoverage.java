package gerbil.tokens;

import gerbil.corpus.Document;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.util.Arrays;
import java.util.List;

/**
 * How much of a vocabulary some documents use.
 *
 * @param entries of the vocabulary, without {@code <|endoftext|>}
 * @param bytesPerToken of the texts in UTF-8
 * @param used entries that occur
 * @param usedOften entries that occur a hundred times or more
 * @param halfOfText how many of the most frequent entries make up half of all tokens
 */
public record VocabularyCoverage(String vocabulary, int entries, double bytesPerToken, int used, int usedOften,
                                 int halfOfText) {

    private static final long OFTEN = 100;

    /** Encodes the documents and counts. */
    public static VocabularyCoverage of(Vocabulary vocabulary, List<Document> documents) {
        Tokenizer tokenizer = new Tokenizer(vocabulary);
        long[] counts = new long[vocabulary.textSize()];
        long bytes = 0;
        for (Document document : documents) {
            bytes += Tokenizer.utf8(document.text()).length;
            for (int id : tokenizer.encode(document.text())) {
                counts[id]++;
            }
        }
        long tokens = Arrays.stream(counts).sum();
        return new VocabularyCoverage(vocabulary.id(), counts.length - 1, (double) bytes / tokens,
                (int) Arrays.stream(counts).filter(c -> c > 0).count(),
                (int) Arrays.stream(counts).filter(c -> c >= OFTEN).count(), half(counts, tokens));
    }

    private static int half(long[] counts, long tokens) {
        long[] sorted = counts.clone();
        Arrays.sort(sorted);
        int entries = 0;
        for (long covered = 0; 2 * covered < tokens; entries++) {
            covered += sorted[sorted.length - 1 - entries];
        }
        return entries;
    }
}
