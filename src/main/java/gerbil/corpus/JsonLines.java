package gerbil.corpus;

import gerbil.base.Utf8;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

/**
 * Whole lines of a jsonl file.
 *
 * @param offset of the data in the file's text
 * @param firstLine number of its first line, asked for only if one is bad
 */
record JsonLines(String file, long offset, byte[] data, LongSupplier firstLine, long seed) {

    Block.Content read() {
        List<Document> documents = new ArrayList<>();
        List<Defect> defects = new ArrayList<>();
        int blank = 0;
        long line = 0;
        for (int begin = 0; begin < data.length; line++) {
            int end = begin;
            while (end < data.length && data[end] != '\n') {
                end++;
            }
            if (!isBlank(begin, end)) {
                try {
                    JsonLine json = JsonLine.parse(data, begin, end - begin);
                    if (json.text().isBlank()) {
                        blank++;
                    } else {
                        documents.add(new Document(file + "@" + (offset + begin),
                                json.subset() == null ? file : json.subset(), json.text()));
                    }
                } catch (JsonLine.Unreadable e) {
                    defects.add(new Defect(file, firstLine.getAsLong() + line, e.getMessage()));
                }
            }
            begin = end + 1;
        }
        return new Block.Content(SeededOrder.of(documents, Document::id, seed), defects, blank);
    }

    private boolean isBlank(int begin, int end) {
        for (int i = begin + (offset + begin == 0 ? Utf8.markLength(data) : 0); i < end; i++) {
            if (data[i] > ' ' || data[i] < 0) {
                return false;
            }
        }
        return true;
    }
}
