package gerbil.corpus;

import gerbil.base.Sha256;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * What a corpus was made from.
 *
 * @param name the corpus's name
 * @param files in a fixed order
 */
public record Provenance(String name, List<SourceFile> files) {

    public Provenance {
        files = List.copyOf(files);
    }

    /**
     * One file of a corpus.
     *
     * @param bytes its length
     * @param sha256 hexadecimal, lower case
     * @param licence SPDX expression, or {@code not stated}
     */
    public record SourceFile(String name, long bytes, String sha256, String licence) {
    }

    /** SHA-256 of the corpus's name and of its files' names and checksums. */
    public String hash() {
        StringBuilder lines = new StringBuilder(name).append('\n');
        files.forEach(f -> lines.append(f.sha256()).append("  ").append(f.name()).append('\n'));
        return Sha256.hex(lines.toString().getBytes(StandardCharsets.UTF_8));
    }
}
