package gerbil.corpus;

import java.util.Iterator;
import java.util.NoSuchElementException;

/** The blocks of all slices. */
final class BlockIterator implements Iterator<Block> {

    private final Corpus.Slices slices;
    private Slice.Blocks blocks;

    BlockIterator(Corpus.Slices slices) {
        this.slices = slices;
    }

    @Override
    public boolean hasNext() {
        while (blocks == null || !blocks.hasNext()) {
            if (blocks != null) {
                blocks.close();
                blocks = null;
            }
            if (!slices.hasNext()) {
                return false;
            }
            blocks = slices.next().blocks();
        }
        return true;
    }

    @Override
    public Block next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return blocks.next();
    }
}
