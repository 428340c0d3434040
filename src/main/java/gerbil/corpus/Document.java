package gerbil.corpus;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * One text of a corpus.
 *
 * @param id unique within its corpus: {@code guava-33.4.0-jre-sources.jar!/com/google/common/base/Joiner.java}
 * @param source where it comes from: the artifact's or the file's name
 * @param text never empty
 */
public record Document(String id, String source, String text) {

    /** The first 64 bits of the SHA-256 of the text in UTF-8: equal texts have equal hashes on every machine. */
    public long textHash() {
        return ByteBuffer.wrap(Sha256.digest(text.getBytes(StandardCharsets.UTF_8))).getLong();
    }
}
