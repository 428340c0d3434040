package gerbil.corpus;

import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.base.Utf8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * One artifact of the default corpora, fixed by its checksum.
 *
 * @param file {@code guava-33.4.0-jre-sources.jar}
 * @param sha256 hexadecimal, lower case
 * @param licence SPDX expression
 */
record PinnedJar(String file, String sha256, String licence) {

    /** The nano scale's, of {@code environment/corpus/pom.xml}. */
    static List<PinnedJar> few() {
        return read("source-jars.csv");
    }

    /** The paper scale's: those, and what the pom's profile {@code all} adds. */
    static List<PinnedJar> all() {
        return Stream.concat(few().stream(), read("more-source-jars.csv").stream()).toList();
    }

    /** The lists stand beside this class as resources. */
    private static List<PinnedJar> read(String list) {
        return Utf8.resource(PinnedJar.class, list).lines().skip(1).map(line -> line.split(","))
                .map(f -> new PinnedJar(f[0], f[1], f[2])).toList();
    }

    /**
     * @throws GerbilException if the jar is missing from the folder or is another than the pinned one
     */
    Provenance.SourceFile verify(Path folder) {
        Path jar = folder.resolve(file);
        if (!Files.isRegularFile(jar)) {
            throw new GerbilException("no " + file + " in " + folder, "every source jar that the corpus pins",
                    "run the set-up again, or fetch them there by the corpus's pom");
        }
        try {
            String actual = Sha256.hex(jar);
            if (!actual.equals(sha256)) {
                throw new GerbilException(jar + " has SHA-256 " + actual, "SHA-256 " + sha256,
                        "delete this file and fetch it again");
            }
            return new Provenance.SourceFile(file, Files.size(jar), actual, licence);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
