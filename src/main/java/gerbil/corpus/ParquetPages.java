package gerbil.corpus;

import com.github.luben.zstd.Zstd;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.page.DataPage;
import org.apache.parquet.column.page.DataPageV1;
import org.apache.parquet.column.page.DataPageV2;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageReader;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.CompressionCodec;
import org.apache.parquet.format.DataPageHeader;
import org.apache.parquet.format.DataPageHeaderV2;
import org.apache.parquet.format.PageHeader;
import org.apache.parquet.format.PageType;
import org.apache.parquet.format.Util;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.xerial.snappy.Snappy;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;

/** The pages of one column chunk, read and decompressed one at a time. */
final class ParquetPages implements PageReader {

    /** What old writers left out of a chunk's size, as Arrow's reader has it: its dictionary's header. */
    private static final int LARGEST_HEADER_LEFT_OUT = 100;
    private static final Statistics<?> NO_STATISTICS = Statistics.getBuilderForReading(new PrimitiveType(
            org.apache.parquet.schema.Type.Repetition.OPTIONAL, PrimitiveTypeName.BINARY, "text")).build();

    private final InputStream in;
    private final CompressionCodec codec;
    private final long values;
    private final long largestPage;
    private long left;
    private PageHeader header;

    ParquetPages(FileChannel channel, ColumnMetaData chunk) throws IOException {
        long begin = chunk.getData_page_offset();
        if (chunk.isSetDictionary_page_offset() && chunk.getDictionary_page_offset() > 0) {
            begin = Math.min(begin, chunk.getDictionary_page_offset());
        }
        long size = chunk.getTotal_compressed_size();
        if (begin < 0 || size < 0 || begin > channel.size() - size) {
            throw new IOException("a column's " + size + " bytes from " + begin + " on are not in the file");
        }
        long end = Math.min(begin + size + LARGEST_HEADER_LEFT_OUT, channel.size());
        in = new BufferedInputStream(new Range(channel, begin, end), 1 << 16);
        codec = chunk.getCodec();
        values = chunk.getNum_values();
        largestPage = Math.min(chunk.getTotal_uncompressed_size(), Integer.MAX_VALUE);
        left = values;
    }

    private static final class Range extends InputStream {

        private final FileChannel channel;
        private final long end;
        private long position;

        Range(FileChannel channel, long begin, long end) {
            this.channel = channel;
            this.position = begin;
            this.end = end;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            if (position >= end) {
                return -1;
            }
            int count = channel.read(ByteBuffer.wrap(buffer, offset, (int) Math.min(length, end - position)), position);
            position += Math.max(count, 0);
            return count;
        }
    }

    @Override
    public long getTotalValueCount() {
        return values;
    }

    @Override
    public DictionaryPage readDictionaryPage() {
        try {
            header = Util.readPageHeader(in);
            if (header.getType() != PageType.DICTIONARY_PAGE) {
                return null;
            }
            byte[] data = decompressed(body(), 0, header.getUncompressed_page_size());
            int entries = header.getDictionary_page_header().getNum_values();
            if (entries < 0 || entries > data.length / Integer.BYTES) {
                throw new IOException("a dictionary of " + entries + " entries in " + data.length + " bytes");
            }
            DictionaryPage page = new DictionaryPage(BytesInput.from(data), entries,
                    encoding(header.getDictionary_page_header().getEncoding()));
            header = null;
            return page;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The next page with values, since the library reads on in others. */
    @Override
    public DataPage readPage() {
        try {
            while (left > 0) {
                header = header == null ? Util.readPageHeader(in) : header;
                byte[] body = body();
                PageHeader read = header;
                header = null;
                if (read.getType() == PageType.DATA_PAGE && read.getData_page_header().getNum_values() != 0) {
                    return page(read.getData_page_header(), decompressed(body, 0, read.getUncompressed_page_size()));
                }
                if (read.getType() == PageType.DATA_PAGE_V2 && read.getData_page_header_v2().getNum_values() != 0) {
                    return page(read.getData_page_header_v2(), body, read.getUncompressed_page_size());
                }
            }
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private DataPage page(DataPageHeader page, byte[] data) throws IOException {
        take(page.getNum_values());
        return new DataPageV1(BytesInput.from(data), page.getNum_values(), data.length, NO_STATISTICS,
                encoding(page.getRepetition_level_encoding()), encoding(page.getDefinition_level_encoding()),
                encoding(page.getEncoding()));
    }

    /** In pages of the second version the levels stand before the values and are not compressed. */
    private DataPage page(DataPageHeaderV2 page, byte[] body, int size) throws IOException {
        take(page.getNum_values());
        int repetition = page.getRepetition_levels_byte_length();
        int definition = page.getDefinition_levels_byte_length();
        int levels = repetition + definition;
        if (repetition < 0 || definition < 0 || levels > body.length || levels > size) {
            throw new IOException("a page's levels are longer than the page");
        }
        byte[] data = !page.isSetIs_compressed() || page.isIs_compressed() ? decompressed(body, levels, size - levels)
                : Arrays.copyOfRange(body, levels, body.length);
        return DataPageV2.uncompressed(page.getNum_rows(), page.getNum_nulls(), page.getNum_values(),
                BytesInput.from(body, 0, repetition), BytesInput.from(body, repetition, definition),
                encoding(page.getEncoding()), BytesInput.from(data), NO_STATISTICS);
    }

    private void take(int count) throws IOException {
        if (count < 0 || count > left) {
            throw new IOException("a page has " + count + " values where " + left + " are left");
        }
        left -= count;
    }

    private byte[] body() throws IOException {
        int size = header.getCompressed_page_size();
        byte[] body = size < 0 ? new byte[0] : in.readNBytes(size);
        if (body.length != size) {
            throw new IOException("a page is cut off");
        }
        if (header.isSetCrc()) {
            CRC32 crc = new CRC32();
            crc.update(body);
            if ((int) crc.getValue() != header.getCrc()) {
                throw new IOException("a page's checksum is wrong");
            }
        }
        return body;
    }

    private byte[] decompressed(byte[] body, int from, int size) throws IOException {
        if (size < 0 || size > largestPage) {
            throw new IOException("a page of " + size + " bytes");
        }
        byte[] compressed = from == 0 ? body : Arrays.copyOfRange(body, from, body.length);
        byte[] data = size == 0 ? new byte[0] : switch (codec) {
            case UNCOMPRESSED -> compressed;
            case SNAPPY -> snappy(compressed, size);
            case ZSTD -> zstd(compressed, size);
            case GZIP -> {
                try (InputStream gzip = new GZIPInputStream(new ByteArrayInputStream(compressed))) {
                    yield gzip.readNBytes(size + 1);
                }
            }
            default -> throw new IOException("compressed by " + codec + "; SNAPPY, ZSTD and GZIP can be read");
        };
        if (data.length != size) {
            throw new IOException("a page has another size than it says");
        }
        return data;
    }

    private static byte[] snappy(byte[] compressed, int size) throws IOException {
        if (Snappy.uncompressedLength(compressed) != size) {
            throw new IOException("a page has another size than it says");
        }
        return Snappy.uncompress(compressed);
    }

    private static byte[] zstd(byte[] compressed, int size) throws IOException {
        long said = Zstd.getFrameContentSize(compressed);
        if (said >= 0 && said != size) {
            throw new IOException("a page has another size than it says");
        }
        byte[] data = new byte[size];
        long written = Zstd.decompress(data, compressed);
        if (written != size) {
            throw new IOException(Zstd.isError(written) ? Zstd.getErrorName(written)
                    : "a page has another size than it says");
        }
        return data;
    }

    private static Encoding encoding(org.apache.parquet.format.Encoding encoding) throws IOException {
        if (encoding == null) {
            throw new IOException("a page of no known encoding");
        }
        return Encoding.valueOf(encoding.name());
    }
}
