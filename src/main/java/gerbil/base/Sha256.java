package gerbil.base;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 digests of bytes and files, as lower-case hexadecimal. */
public final class Sha256 {

    private Sha256() {
    }

    /** A digest to be fed piece by piece; finish it with {@link #hex(MessageDigest)}. */
    public static MessageDigest begin() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** The 64 digits of what the digest was fed. */
    public static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    /** The 64 digits of these bytes. */
    public static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(digest(bytes));
    }

    /** The 64 digits of a file's content. */
    public static String hex(Path file) throws IOException {
        MessageDigest digest = begin();
        byte[] buffer = new byte[1 << 16];
        try (InputStream in = Files.newInputStream(Folders.requireFile(file, Long.MAX_VALUE))) {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
            }
        }
        return hex(digest);
    }

    /** The 32 bytes of these bytes' digest. */
    public static byte[] digest(byte[] bytes) {
        return begin().digest(bytes);
    }
}
