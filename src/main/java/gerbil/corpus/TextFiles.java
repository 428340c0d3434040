package gerbil.corpus;

import gerbil.base.Utf8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Some files each of which is one document; already in the order of the seed. */
record TextFiles(Path folder, String corpus, List<TextFolder.Entry> entries) {

    static final int MOST = 256;

    Slice slice() {
        return Slice.of(entries.stream().map(TextFolder.Entry::name).collect(Collectors.toSet()),
                entries.stream().mapToLong(TextFolder.Entry::bytes).sum(), this::read);
    }

    private Block.Content read() {
        List<Document> documents = new ArrayList<>();
        List<Defect> defects = new ArrayList<>();
        int blank = 0;
        for (TextFolder.Entry entry : entries) {
            if (entry.bytes() > RecordFile.LARGEST_DOCUMENT) {
                defects.add(Defect.tooLong(entry.name(), 0));
                continue;
            }
            try {
                String text = Utf8.text(Files.readAllBytes(folder.resolve(entry.name())));
                if (text.isBlank()) {
                    blank++;
                } else {
                    documents.add(new Document(entry.name(), subset(entry), text));
                }
            } catch (Utf8.Malformed e) {
                defects.add(new Defect(entry.name(), 0, e.getMessage()));
            } catch (IOException e) {
                defects.add(new Defect(entry.name(), 0, "cannot be read (" + e.getMessage() + ")"));
            }
        }
        return new Block.Content(documents, defects, blank);
    }

    private String subset(TextFolder.Entry entry) {
        int slash = entry.name().lastIndexOf('/');
        return slash < 0 ? corpus : entry.name().substring(0, slash);
    }
}
