package gerbil.tokens;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Progress;
import gerbil.base.WholeFile;
import gerbil.corpus.BadFile;
import gerbil.corpus.Block;
import gerbil.corpus.Corpora;
import gerbil.corpus.Corpus;
import gerbil.corpus.Deduplication;
import gerbil.corpus.DuplicateIndex;
import gerbil.corpus.Provenance;
import gerbil.corpus.Slice;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * What {@link Preparation} does, cut into pieces that many machines do at once, for whoever has them to call in this
 * order: {@link #encode} all slices; {@link #isNear} for documents that share a key with an earlier one; {@link #count}
 * and {@link #select} each slice's documents; {@link #writeShard} each shard; {@link #finish}. The shards and manifests
 * are the same as one machine's, byte for byte; there is no report. All paths are on a file system that all machines
 * see, and each piece may be done again.
 *
 * @param corpus as {@link Corpora#open} takes it, if no file of it has to be fetched
 * @param out a new folder
 * @param vocabulary entries
 */
public record DistributedPreparation(String corpus, String out, int vocabulary, long trainTokens, long heldOutTokens,
                                     long seed, Deduplication deduplication, int badDocuments)
        implements Serializable {

    /**
     * A document that was encoded.
     *
     * @param slice its slice's number in the corpus's order
     * @param index within the slice
     * @param tokens without {@code <|endoftext|>}
     * @param keys of exact duplicates and of near ones' bands; in each, it is compared with the first that has it
     * @param signature to be compared by; empty where near duplicates do not count
     */
    public record Encoded(int slice, int index, boolean heldOut, int tokens, int utf8Bytes, String subset, long[] keys,
                          byte[] signature) implements Serializable {

        /** Larger for later documents. */
        public long order() {
            return (long) slice << 32 | index;
        }
    }

    /**
     * What a slice gives, or what it could.
     *
     * @param slice its number
     */
    public record Selected(int slice, SplitCounts train, SplitCounts heldOut) implements Serializable {

        SplitCounts split(boolean isHeldOut) {
            return isHeldOut ? heldOut : train;
        }
    }

    private Corpus open() {
        return Corpora.open(corpus, Path.of(out), Progress.NONE);
    }

    private Path work() throws IOException {
        return PartialFolder.partial(Path.of(out)).resolve("slices");
    }

    private Path file(int slice, String kind) throws IOException {
        return work().resolve(String.format(Locale.ROOT, "%08d.%s", slice, kind));
    }

    /**
     * Encodes the slices whose number, divided by {@code parts}, leaves {@code part}.
     *
     * @throws GerbilException if a file is damaged or there are too many bad documents
     */
    public List<Encoded> encode(int part, int parts) {
        Tokenizer tokenizer = new Tokenizer(Vocabulary.cut(vocabulary));
        List<Encoded> encoded = new ArrayList<>();
        int bad = 0;
        try (Stream<Slice> slices = open().slices(seed)) {
            Folders.create(work());
            Iterator<Slice> order = slices.iterator();
            for (int number = 0; order.hasNext(); number++) {
                Slice slice = order.next();
                if (number % parts == part) {
                    bad += encode(number, slice, tokenizer, encoded);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (bad > badDocuments) {
            throw new GerbilException(bad + " documents that cannot be read", "at most " + badDocuments,
                    "prepare a part of the corpus on one machine, which names them");
        }
        return encoded;
    }

    private int encode(int number, Slice slice, Tokenizer tokenizer, List<Encoded> encoded) throws IOException {
        int bad = 0;
        int index = 0;
        try (Stream<Block> blocks = slice.blocks(); Piece ids = new Piece(file(number, "ids"))) {
            for (Block next : (Iterable<Block>) blocks::iterator) {
                EncodedBlock block = EncodedBlock.of(next, tokenizer, deduplication, false);
                if (block.badFile() != null) {
                    throw block.badFile();
                }
                bad += block.content().defects().size();
                for (EncodedBlock.Encoded d : block.documents()) {
                    encoded.add(new Encoded(number, index++, d.heldOut(), d.to() - d.from(), d.utf8Bytes(), d.subset(),
                            DuplicateIndex.keys(d.fingerprint(), deduplication),
                            DuplicateIndex.signature(d.fingerprint())));
                    for (int i = d.from(); i < d.to(); i++) {
                        ids.file.put(block.ids().get(i));
                    }
                }
            }
            ids.commit();
        } catch (BadFile e) {
            throw new GerbilException(e.getMessage(), "whole files", "get it again", e);
        }
        return bad;
    }

    /** Whether a document that shares key number {@code key} with an earlier one is its duplicate. */
    public static boolean isNear(int key, Encoded document, byte[] earlier) {
        return key == 0 || DuplicateIndex.isNear(document.signature(), earlier);
    }

    /** What a slice's documents that are no duplicates come to, were there no limits. */
    public static Selected count(int slice, List<Encoded> kept) {
        Selection selection = new Selection(Long.MAX_VALUE, Long.MAX_VALUE);
        kept.forEach(d -> selection.select(d.heldOut(), false, d.subset(), d.tokens(), d.utf8Bytes()));
        return new Selected(slice, selection.train(), selection.heldOut());
    }

    /**
     * Writes what a slice gives to the shards.
     *
     * @param all of its documents, in order
     * @param duplicates those of their indices that are dropped
     * @param trainBefore training tokens of the slices before
     */
    public Selected select(int slice, List<Encoded> all, Set<Integer> duplicates, long trainBefore,
            long heldOutBefore) {
        Selection selection = new Selection(trainTokens - trainBefore, heldOutTokens - heldOutBefore);
        int end = Vocabulary.cut(vocabulary).endOfText();
        try (FileChannel ids = FileChannel.open(file(slice, "ids"));
             Piece train = new Piece(file(slice, PreparedTokens.TRAIN));
             Piece heldOut = new Piece(file(slice, PreparedTokens.HELD_OUT))) {
            long first = 0;
            for (Encoded d : all) {
                if (selection.select(d.heldOut(), duplicates.contains(d.index()), d.subset(), d.tokens(),
                        d.utf8Bytes())) {
                    ShardFile split = (d.heldOut() ? heldOut : train).file;
                    split.copy(ids, first, d.tokens());
                    split.put(end);
                }
                first += d.tokens();
            }
            train.commit();
            heldOut.commit();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Selected(slice, selection.train(), selection.heldOut());
    }

    /** How many shards a split has. */
    public static int shards(List<Selected> selected, boolean heldOut) {
        long tokens = selected.stream().mapToLong(s -> s.split(heldOut).tokens()).sum();
        return (int) ((tokens + ShardWriter.SHARD_TOKENS - 1) / ShardWriter.SHARD_TOKENS);
    }

    /** Writes a split's shard from the slices that it lies in. */
    public TokenSetManifest.Shard writeShard(List<Selected> selected, boolean heldOut, int number) {
        String split = heldOut ? PreparedTokens.HELD_OUT : PreparedTokens.TRAIN;
        long from = (long) number * ShardWriter.SHARD_TOKENS;
        long to = from + ShardWriter.SHARD_TOKENS;
        try {
            Path folder = Folders.create(PartialFolder.partial(Path.of(out)).resolve("content").resolve(split));
            try (Piece shard = new Piece(folder.resolve(ShardWriter.name(number)))) {
                long begin = 0;
                for (Selected slice : selected) {
                    long end = begin + slice.split(heldOut).tokens();
                    if (end > from && begin < to && end > begin) {
                        try (FileChannel ids = FileChannel.open(file(slice.slice(), split))) {
                            long first = Math.max(from, begin);
                            shard.file.copy(ids, first - begin, Math.min(to, end) - first);
                        }
                    }
                    begin = end;
                }
                return TokenSetManifest.Shard.of(number, shard.file.tokens(), shard.commit());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Writes the manifests and gives the folder its name.
     *
     * @throws GerbilException if there are no training documents or no held-out ones
     */
    public void finish(List<Selected> selected, List<TokenSetManifest.Shard> trainShards,
                       List<TokenSetManifest.Shard> heldOutShards) {
        Selection all = new Selection(trainTokens, heldOutTokens);
        // one machine stops with the document by which both splits are full
        int last = Integer.MAX_VALUE;
        for (Selected slice : selected) {
            all.train().addAll(slice.train().subsets());
            all.heldOut().addAll(slice.heldOut().subsets());
            last = all.isDone() ? Math.min(last, slice.slice()) : last;
        }
        requireDocuments(all.train(), "training");
        requireDocuments(all.heldOut(), "held-out");
        Corpus opened = open();
        Set<String> files = new TreeSet<>();
        try (Stream<Slice> slices = opened.slices(seed)) {
            slices.limit(last + 1L).forEach(slice -> files.addAll(slice.files()));
        }
        Provenance provenance = opened.provenance(files);
        Vocabulary cut = Vocabulary.cut(vocabulary);
        try (PartialFolder partial = new PartialFolder(Path.of(out))) {
            TokenSetManifest.of(cut, PreparedTokens.TRAIN, seed, trainTokens,
                    ShardWriter.State.of(all.train(), trainShards), provenance, opened.identity(),
                    deduplication.label()).write(cut, partial.content().resolve(PreparedTokens.TRAIN));
            TokenSetManifest.of(cut, PreparedTokens.HELD_OUT, seed, heldOutTokens,
                    ShardWriter.State.of(all.heldOut(), heldOutShards), provenance, opened.identity(),
                    deduplication.label()).write(cut, partial.content().resolve(PreparedTokens.HELD_OUT));
            partial.commit();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void requireDocuments(SplitCounts selected, String kind) {
        if (selected.tokens() == 0) {
            throw new GerbilException("the corpus " + corpus + " has no " + kind + " documents",
                    ReportBuilder.BOTH_KINDS, "prepare it on one machine, which says what became of its documents");
        }
    }

    /** Gets its name when it is whole, since a piece of work may be done twice at once. */
    private static final class Piece implements AutoCloseable {

        private final Path name;
        private final Path temporary;
        private final ShardFile file;

        Piece(Path name) throws IOException {
            this.name = name;
            temporary = name.resolveSibling(name.getFileName() + "." + UUID.randomUUID());
            file = new ShardFile(temporary, 0);
        }

        /** The checksum. */
        String commit() throws IOException {
            String sha256 = file.finish();
            WholeFile.rename(temporary, name);
            return sha256;
        }

        @Override
        public void close() throws IOException {
            file.close();
            Files.deleteIfExists(temporary);
        }
    }
}
