package gerbil.corpus;

import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * A part of a corpus that can be read without reading the parts before it.
 *
 * @param files names of the files that it is read from
 * @param reader what opens it
 */
public record Slice(Set<String> files, Supplier<Stream<Block>> reader) {

    /** One of a single block. */
    static Slice of(Set<String> files, long bytes, Supplier<Block.Content> reader) {
        return new Slice(files, () -> Stream.of(new Block(bytes, reader)));
    }

    /**
     * Its blocks in order. Must be closed.
     *
     * @throws BadFile if the file is damaged; also while the blocks are taken or read
     */
    public Stream<Block> blocks() {
        return reader.get();
    }
}
