package gerbil.corpus;

import java.nio.file.Path;

/** Opens a corpus by the name of its file or folder. */
public final class Corpora {

    private Corpora() {
    }

    /**
     * A list of addresses ({@code *.urls}) as {@link RemoteFiles}, anything else as {@link TextFolder}.
     *
     * @param downloads where files that are fetched are kept
     * @throws gerbil.base.GerbilException if there is none, or nothing in it
     */
    public static Corpus open(Path path, Path downloads) {
        return path.toString().endsWith(RemoteFiles.LIST) ? RemoteFiles.open(path, downloads) : TextFolder.open(path);
    }
}
