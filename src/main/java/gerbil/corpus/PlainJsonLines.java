package gerbil.corpus;

import gerbil.base.Utf8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.LongStream;

/** A jsonl file that is not compressed: a part is the lines that begin in one piece of it. */
final class PlainJsonLines implements RecordFile {

    private final Path path;
    private final String name;
    private final TreeMap<Long, Long> linesBefore = new TreeMap<>(Map.of(0L, 0L));

    PlainJsonLines(Path path, String name) {
        this.path = path;
        this.name = name;
    }

    @Override
    public List<Part> parts(long seed) {
        try (InputStream begin = Files.newInputStream(path)) {
            Utf8.requireNoOther(begin.readNBytes(Integer.BYTES));
            long pieces = (Files.size(path) + BLOCK_BYTES - 1) / BLOCK_BYTES;
            return LongStream.range(0, pieces).mapToObj(i -> new Part(name + "@" + i,
                    Slice.of(Set.of(name), BLOCK_BYTES, () -> read(i * BLOCK_BYTES, seed)))).toList();
        } catch (Utf8.Malformed e) {
            throw new BadFile(name, 0, e.getMessage(), e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The lines that begin in the piece that begins there. */
    private Block.Content read(long begin, long seed) {
        try (FileChannel channel = FileChannel.open(path)) {
            long first = begin == 0 ? 0 : afterNextLineFeed(channel, begin - 1, begin - 1 + BLOCK_BYTES);
            if (first < 0) {
                return new Block.Content(List.of(), List.of(), 0);
            }
            long end = Math.min(begin + BLOCK_BYTES, channel.size());
            long last = afterNextLineFeed(channel, end - 1, first + LARGEST_DOCUMENT);
            if (last < 0 && channel.size() - first > LARGEST_DOCUMENT) {
                return withoutTheLast(channel, first, end, seed);
            }
            return lines(channel, first, last < 0 ? channel.size() : last, seed);
        } catch (IOException e) {
            throw new BadFile(name, 0, "cannot be read (" + e.getMessage() + ")", e);
        }
    }

    private Block.Content lines(FileChannel channel, long first, long last, long seed) throws IOException {
        byte[] data = RecordFile.read(channel, first, Math.toIntExact(last - first)).array();
        return new JsonLines(name, first, data, () -> linesBefore(first) + 1, seed).read();
    }

    /** The lines before the one, begun in this piece, that is longer than any document may be. */
    private Block.Content withoutTheLast(FileChannel channel, long first, long end, long seed) throws IOException {
        long last = first;
        for (long next = first; next >= 0 && next < end; ) {
            last = next;
            next = afterNextLineFeed(channel, next, end);
        }
        Block.Content before = lines(channel, first, last, seed);
        List<Defect> defects = new ArrayList<>(before.defects());
        defects.add(Defect.tooLong(name, linesBefore(last) + 1));
        return new Block.Content(before.documents(), defects, before.blank());
    }

    /** Where the line after the first line feed from {@code from} on begins; -1 if none ends before {@code limit}. */
    private static long afterNextLineFeed(FileChannel channel, long from, long limit) throws IOException {
        byte[] buffer = new byte[1 << 16];
        for (long at = from; at < limit; ) {
            int count = channel.read(ByteBuffer.wrap(buffer, 0, (int) Math.min(buffer.length, limit - at)), at);
            if (count <= 0) {
                return -1;
            }
            for (int i = 0; i < count; i++) {
                if (buffer[i] == '\n') {
                    return at + i + 1;
                }
            }
            at += count;
        }
        return -1;
    }

    /** Counted only for a message, on from the nearest place where it is known. */
    private synchronized long linesBefore(long offset) {
        Map.Entry<Long, Long> known = linesBefore.floorEntry(offset);
        long lines = known.getValue();
        byte[] buffer = new byte[1 << 16];
        try (FileChannel channel = FileChannel.open(path)) {
            for (long at = known.getKey(); at < offset; ) {
                int count = channel.read(ByteBuffer.wrap(buffer, 0, (int) Math.min(buffer.length, offset - at)), at);
                if (count <= 0) {
                    break;
                }
                for (byte b : Arrays.copyOf(buffer, count)) {
                    lines += b == '\n' ? 1 : 0;
                }
                at += count;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        linesBefore.put(offset, lines);
        return lines;
    }
}
