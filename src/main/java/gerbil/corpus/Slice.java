package gerbil.corpus;

import java.util.Iterator;
import java.util.Set;

/** A part of a corpus that can be read without reading the parts before it. */
public interface Slice {

    /** Names of the files that it is read from. */
    Set<String> files();

    /**
     * Its blocks in order.
     *
     * @throws BadFile if the file is damaged; also while the blocks are taken or read
     */
    Blocks blocks();

    /** Blocks to be taken one after another. */
    interface Blocks extends Iterator<Block>, AutoCloseable {

        @Override
        void close();
    }

    /** The only block of a slice. */
    static Blocks only(Block block) {
        Iterator<Block> one = Set.of(block).iterator();
        return new Blocks() {

            @Override
            public boolean hasNext() {
                return one.hasNext();
            }

            @Override
            public Block next() {
                return one.next();
            }

            @Override
            public void close() {
                // nothing is open
            }
        };
    }
}
