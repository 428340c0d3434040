package gerbil.corpus;

import gerbil.base.Progress;

import java.nio.file.Path;

/** Opens a corpus by its name. */
public final class Corpora {

    private Corpora() {
    }

    /**
     * A data set of the Hugging Face hub by {@code hf:OWNER/NAME[:FOLDER][@REVISION]}, a list of addresses
     * ({@code *.urls}) as {@link RemoteFiles}, or a file or folder as {@link TextFolder}.
     *
     * @param downloads where files that are fetched are kept
     * @param progress told what is fetched and what is waited for, from other threads too
     * @throws gerbil.base.GerbilException if there is none, or nothing in it
     */
    public static Corpus open(String corpus, Path downloads, Progress progress) {
        if (corpus.startsWith(HubDataset.PREFIX)) {
            return HubDataset.open(corpus, downloads, web(progress));
        }
        return corpus.endsWith(RemoteFiles.LIST) ? RemoteFiles.open(Path.of(corpus), downloads, web(progress))
                : TextFolder.open(Path.of(corpus));
    }

    private static Web web(Progress progress) {
        return new Web(System.getenv(), Web.Patience.DEFAULT, progress);
    }

    /** A name for folders of what is made from a corpus: the list's or folder's, {@code OWNER-NAME} of a data set. */
    public static String label(String corpus) {
        return corpus.startsWith(HubDataset.PREFIX)
                ? corpus.substring(HubDataset.PREFIX.length()).replaceAll("[^\\w.-]+", "-")
                : String.valueOf(Path.of(corpus).toAbsolutePath().normalize().getFileName())
                        .replace(RemoteFiles.LIST, "");
    }
}
