package gerbil.corpus;

import java.util.HashSet;
import java.util.Set;

/** Tells the first document of each text from its later copies, remembering 64 bits of each text's hash. */
final class ExactCopies {

    private final Set<Long> seen = new HashSet<>();

    boolean isFirst(Document document) {
        return seen.add(document.textHash());
    }
}
