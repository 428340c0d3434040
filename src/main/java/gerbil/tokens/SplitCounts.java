package gerbil.tokens;

import gerbil.tokens.TokenSetManifest.Subset;

import java.io.Serializable;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/** What a split has so far: in all, and of each subset that its documents name. */
public final class SplitCounts implements Serializable {

    private static final long serialVersionUID = 1;

    private Subset all = new Subset(0, 0, 0);
    private final TreeMap<String, Subset> subsets = new TreeMap<>();

    /** The documents' {@code <|endoftext|>} included. */
    public long tokens() {
        return all.tokens();
    }

    long documents() {
        return all.documents();
    }

    long textBytes() {
        return all.textBytes();
    }

    Map<String, Subset> subsets() {
        return Collections.unmodifiableMap(subsets);
    }

    void add(String subset, Subset more) {
        all = all.plus(more);
        subsets.merge(subset, more, Subset::plus);
    }

    /** Adds what was counted elsewhere. */
    void addAll(Map<String, Subset> more) {
        more.forEach(this::add);
    }
}
