package gerbil.train;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The version and commit that this library was built from. */
public final class CodeVersion {

    private CodeVersion() {
    }

    /** "0.1.0 (1a2b3c4)", with "-dirty" where the build had uncommitted changes. */
    public static String current() {
        Properties git = new Properties();
        try (InputStream resource = CodeVersion.class.getResourceAsStream("/gerbil/version.properties")) {
            if (resource != null) {
                git.load(resource);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return git.getProperty("git.build.version", "unknown version")
                + " (" + git.getProperty("git.commit.id.describe", "no git") + ")";
    }
}
