package gerbil.tokens;

import gerbil.base.GerbilException;
import gerbil.base.Sha256;
import gerbil.corpus.BadFile;
import gerbil.corpus.Corpora;
import gerbil.corpus.Corpus;
import gerbil.corpus.Deduplication;
import gerbil.corpus.DuplicateIndex;
import gerbil.corpus.Slice;
import gerbil.tokenizer.Tokenizer;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;

/**
 * What {@link Preparation} does, cut into pieces that many machines do at once, for whoever has them to call in this
 * order: {@link #encode} all slices; {@link #isNear} for documents that share a key with an earlier one; {@link #select}
 * each slice's documents; {@link #writeShard} each shard; {@link #finish}. The shards and manifests are the same as one
 * machine's, byte for byte; there is no report. All paths are on a file system that all machines see, and each piece may
 * be done again.
 *
 * @param corpus as {@link Corpora#open} takes it; not a list of addresses
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
     * @param keys of exact copies and of near ones' bands; in each, it is compared with the first that has it
     * @param signature to be compared by; empty where near copies do not count
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
     * @param train tokens, {@code <|endoftext|>} included
     * @param heldOut the same of held-out documents
     */
    public record Selected(int slice, Counts train, Counts heldOut) implements Serializable {
    }

    /** Counts of a split within a slice. */
    public record Counts(long tokens, long documents, long textBytes, TreeMap<String, long[]> subsets)
            implements Serializable {

        static Counts none() {
            return new Counts(0, 0, 0, new TreeMap<>());
        }

        Counts plus(Encoded document) {
            long count = document.tokens() + 1L;
            subsets.merge(document.subset(), new long[] {1, count, document.utf8Bytes()},
                    (a, b) -> new long[] {a[0] + b[0], a[1] + b[1], a[2] + b[2]});
            return new Counts(tokens + count, documents + 1, textBytes + document.utf8Bytes(), subsets);
        }
    }

    private Corpus open() {
        return Corpora.open(Path.of(corpus), Path.of(out));
    }

    private Path work() {
        return Path.of(out + ".partial", "slices");
    }

    private Path file(int slice, String kind) {
        return work().resolve(String.format("%08d.%s", slice, kind));
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
        try (Corpus.Slices slices = open().slices(seed)) {
            Files.createDirectories(work());
            for (int number = 0; slices.hasNext(); number++) {
                Slice slice = slices.next();
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
        try (Slice.Blocks blocks = slice.blocks(); Output ids = new Output(file(number, "ids"))) {
            while (blocks.hasNext()) {
                EncodedBlock block = EncodedBlock.of(blocks.next(), tokenizer, deduplication, false);
                if (block.badFile() != null) {
                    throw block.badFile();
                }
                bad += block.content().defects().size();
                for (EncodedBlock.Encoded d : block.documents()) {
                    encoded.add(new Encoded(number, index++, d.heldOut(), d.to() - d.from(), d.utf8Bytes(), d.subset(),
                            DuplicateIndex.keys(d.fingerprint(), deduplication),
                            DuplicateIndex.signature(d.fingerprint())));
                    for (int i = d.from(); i < d.to(); i++) {
                        ids.put((short) block.ids().get(i));
                    }
                }
            }
            ids.commit();
        } catch (BadFile e) {
            throw new GerbilException(e.getMessage(), "whole files", "get it again", e);
        }
        return bad;
    }

    /** Whether a document that shares key number {@code key} with an earlier one is its copy. */
    public static boolean isNear(int key, Encoded document, byte[] earlier) {
        return key == 0 || DuplicateIndex.isNear(document.signature(), earlier);
    }

    /** What a slice's documents that are no copies come to, were there no limits. */
    public static Selected count(int slice, List<Encoded> kept) {
        Counts train = Counts.none();
        Counts heldOut = Counts.none();
        for (Encoded document : kept) {
            train = document.heldOut() ? train : train.plus(document);
            heldOut = document.heldOut() ? heldOut.plus(document) : heldOut;
        }
        return new Selected(slice, train, heldOut);
    }

    /**
     * Writes what a slice gives to the shards.
     *
     * @param all of its documents, in order
     * @param copies those of their indices that are dropped
     * @param trainBefore training tokens of the slices before
     */
    public Selected select(int slice, List<Encoded> all, Set<Integer> copies, long trainBefore, long heldOutBefore) {
        Counts train = Counts.none();
        Counts heldOut = Counts.none();
        short end = (short) Vocabulary.cut(vocabulary).endOfText();
        try (FileChannel ids = FileChannel.open(file(slice, "ids"));
             Output trainIds = new Output(file(slice, PreparedTokens.TRAIN));
             Output heldOutIds = new Output(file(slice, PreparedTokens.HELD_OUT))) {
            long position = 0;
            for (Encoded document : all) {
                boolean wanted = document.heldOut() ? heldOutBefore + heldOut.tokens() < heldOutTokens
                        : trainBefore + train.tokens() < trainTokens;
                if (wanted && !copies.contains(document.index())) {
                    Output split = document.heldOut() ? heldOutIds : trainIds;
                    split.copy(ids, position, (long) Short.BYTES * document.tokens());
                    split.put(end);
                    train = document.heldOut() ? train : train.plus(document);
                    heldOut = document.heldOut() ? heldOut.plus(document) : heldOut;
                }
                position += (long) Short.BYTES * document.tokens();
            }
            trainIds.commit();
            heldOutIds.commit();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new Selected(slice, train, heldOut);
    }

    /** The numbers of a split's shards. */
    public static int shards(List<Selected> selected, boolean heldOut) {
        long tokens = selected.stream().mapToLong(s -> (heldOut ? s.heldOut() : s.train()).tokens()).sum();
        return (int) ((tokens + ShardWriter.SHARD_TOKENS - 1) / ShardWriter.SHARD_TOKENS);
    }

    /** Writes a split's shard from the slices that it lies in; its checksum. */
    public String writeShard(List<Selected> selected, boolean heldOut, int number) {
        String split = heldOut ? PreparedTokens.HELD_OUT : PreparedTokens.TRAIN;
        long from = (long) number * ShardWriter.SHARD_TOKENS;
        long to = from + ShardWriter.SHARD_TOKENS;
        try {
            Path folder = Files.createDirectories(Path.of(out + ".partial", "content", split));
            try (Output shard = new Output(folder.resolve(ShardWriter.shardName(number)))) {
                long begin = 0;
                for (Selected slice : selected) {
                    long end = begin + (heldOut ? slice.heldOut() : slice.train()).tokens();
                    if (end > from && begin < to && end > begin) {
                        try (FileChannel ids = FileChannel.open(file(slice.slice(), split))) {
                            long first = Math.max(from, begin) - begin;
                            shard.copy(ids, Short.BYTES * first, Short.BYTES * (Math.min(to, end) - begin - first));
                        }
                    }
                    begin = end;
                }
                return shard.commit();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes the manifests and gives the folder its name. */
    public void finish(List<Selected> selected, List<String> trainShards, List<String> heldOutShards) {
        Corpus opened = open();
        Set<String> files = new TreeSet<>();
        int last = lastSlice(selected);
        try (Corpus.Slices slices = opened.slices(seed)) {
            for (int number = 0; number <= last && slices.hasNext(); number++) {
                files.addAll(slices.next().files());
            }
        }
        var provenance = opened.provenance(files);
        try {
            Path content = Path.of(out + ".partial", "content");
            for (boolean heldOut : new boolean[] {false, true}) {
                String split = heldOut ? PreparedTokens.HELD_OUT : PreparedTokens.TRAIN;
                TokenSetManifest.of(Vocabulary.cut(vocabulary), split, seed, heldOut ? heldOutTokens : trainTokens,
                        state(selected, heldOut, heldOut ? heldOutShards : trainShards), provenance, opened.identity(),
                        deduplication.label()).write(content.resolve(split));
            }
            try (PartialFolder partial = PartialFolder.resumable(Path.of(out))) {
                partial.commit();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One machine stops with the document by which both splits are full. */
    private int lastSlice(List<Selected> selected) {
        long train = 0;
        long heldOut = 0;
        for (Selected slice : selected) {
            train += slice.train().tokens();
            heldOut += slice.heldOut().tokens();
            if (train >= trainTokens && heldOut >= heldOutTokens) {
                return slice.slice();
            }
        }
        return Integer.MAX_VALUE;
    }

    private static ShardWriter.State state(List<Selected> selected, boolean heldOut, List<String> shards) {
        long tokens = 0;
        long documents = 0;
        long textBytes = 0;
        Map<String, TokenSetManifest.Subset> subsets = new TreeMap<>();
        for (Selected slice : selected) {
            Counts counts = heldOut ? slice.heldOut() : slice.train();
            tokens += counts.tokens();
            documents += counts.documents();
            textBytes += counts.textBytes();
            counts.subsets().forEach((name, c) -> subsets.merge(name, new TokenSetManifest.Subset(c[0], c[1], c[2]),
                    (a, b) -> new TokenSetManifest.Subset(a.documents() + b.documents(), a.tokens() + b.tokens(),
                            a.textBytes() + b.textBytes())));
        }
        List<TokenSetManifest.Shard> list = new ArrayList<>();
        for (int i = 0; i < shards.size(); i++) {
            long size = Math.min(ShardWriter.SHARD_TOKENS, tokens - (long) i * ShardWriter.SHARD_TOKENS);
            list.add(new TokenSetManifest.Shard(ShardWriter.shardName(i), size, Short.BYTES * size, shards.get(i)));
        }
        return new ShardWriter.State(tokens, documents, textBytes, subsets, list);
    }

    /** A file of ids that gets its name when it is whole, since a piece of work may be done twice at once. */
    private static final class Output implements AutoCloseable {

        private final Path file;
        private final Path temporary;
        private final FileChannel channel;
        private final MessageDigest digest = Sha256.begin();
        private final ByteBuffer buffer = ByteBuffer.allocate(1 << 18).order(ByteOrder.LITTLE_ENDIAN);

        Output(Path file) throws IOException {
            this.file = file;
            temporary = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID());
            channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        }

        void put(short id) throws IOException {
            if (buffer.remaining() < Short.BYTES) {
                flush();
            }
            buffer.putShort(id);
        }

        void copy(FileChannel from, long position, long bytes) throws IOException {
            for (long done = 0; done < bytes; ) {
                if (!buffer.hasRemaining()) {
                    flush();
                }
                ByteBuffer room = buffer.slice(buffer.position(), (int) Math.min(buffer.remaining(), bytes - done));
                int count = from.read(room, position + done);
                if (count < 0) {
                    throw new IOException(file + " needs ids that are not there");
                }
                buffer.position(buffer.position() + count);
                done += count;
            }
        }

        private void flush() throws IOException {
            buffer.flip();
            digest.update(buffer.duplicate());
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            buffer.clear();
        }

        /** The checksum of what was written. */
        String commit() throws IOException {
            flush();
            channel.force(true);
            channel.close();
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            return Sha256.hex(digest);
        }

        @Override
        public void close() throws IOException {
            channel.close();
            Files.deleteIfExists(temporary);
        }
    }
}
