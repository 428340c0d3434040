package gerbil.corpus;

import gerbil.base.Sha256;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * One text of a corpus.
 *
 * @param id unique within its corpus: {@code guava-33.4.0-jre-sources.jar!/com/google/common/base/Joiner.java}, or
 *     {@code a.jsonl@1024}, its offset in the file's text, or {@code a.parquet#7}, its row from 1
 * @param source the subset that it is counted with: the label that its record carries, or the name of its file, of its
 *     artifact, or of its folder if it is a file of its own
 * @param text not blank
 */
public record Document(String id, String source, String text) {

    /** The first 64 bits of the SHA-256 of the text in UTF-8: equal texts have equal hashes on every machine. */
    public long textHash() {
        return textHash(text.getBytes(StandardCharsets.UTF_8));
    }

    /** The same of a text that is already in UTF-8. */
    public static long textHash(byte[] utf8) {
        return ByteBuffer.wrap(Sha256.digest(utf8)).getLong();
    }
}
