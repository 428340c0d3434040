package gerbil.tokens;

import gerbil.base.GerbilException;

import java.nio.file.Path;

/** A corpus's two token sets. */
public record PreparedTokens(TokenSet train, TokenSet heldout) {

    static final String TRAIN = "train";
    static final String HELD_OUT = "heldout";

    /** The folder of both, absolute. */
    public Path folder() {
        return train.folder().toAbsolutePath().normalize().getParent();
    }

    /**
     * Opens {@code train} and {@code heldout} in a folder.
     *
     * @throws GerbilException as {@link TokenSet#open}
     */
    public static PreparedTokens open(Path folder) {
        return new PreparedTokens(TokenSet.open(folder.resolve(TRAIN)), TokenSet.open(folder.resolve(HELD_OUT)));
    }
}
