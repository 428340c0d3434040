package gerbil.corpus;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
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
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;

/** The pages of one column chunk, read and decompressed one at a time. */
final class ParquetPages implements PageReader {

    private static final Statistics<?> NO_STATISTICS = Statistics.getBuilderForReading(new PrimitiveType(
            org.apache.parquet.schema.Type.Repetition.OPTIONAL, PrimitiveTypeName.BINARY, "text")).build();

    private final InputStream in;
    private final CompressionCodec codec;
    private final long values;
    private final long size;
    private final long largestPage;
    private long left;
    private PageHeader header;

    /**
     * @param file from its beginning, closed by whoever opened it
     * @param length the file's
     */
    ParquetPages(InputStream file, long length, ColumnMetaData chunk) throws IOException {
        long begin = chunk.getData_page_offset();
        if (chunk.isSetDictionary_page_offset() && chunk.getDictionary_page_offset() > 0) {
            begin = Math.min(begin, chunk.getDictionary_page_offset());
        }
        size = chunk.getTotal_compressed_size();
        if (begin < 0 || size < 0 || begin > length - size) {
            throw new IOException("a column's " + size + " bytes from " + begin + " on are not in the file");
        }
        file.skipNBytes(begin);
        in = new BufferedInputStream(file, 1 << 16);
        codec = chunk.getCodec();
        values = chunk.getNum_values();
        largestPage = Math.min(chunk.getTotal_uncompressed_size(), Integer.MAX_VALUE);
        left = values;
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
        int length = header.getCompressed_page_size();
        byte[] body = length < 0 || length > size ? new byte[0] : in.readNBytes(length);
        if (body.length != length) {
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

    private byte[] decompressed(byte[] body, int from, int length) throws IOException {
        if (length < 0 || length > largestPage) {
            throw new IOException("a page of " + length + " bytes");
        }
        byte[] compressed = from == 0 ? body : Arrays.copyOfRange(body, from, body.length);
        byte[] data = length == 0 ? new byte[0] : switch (codec) {
            case UNCOMPRESSED -> compressed;
            case SNAPPY -> Snappy.uncompressedLength(compressed) == length ? Snappy.uncompress(compressed)
                    : new byte[0];
            case ZSTD -> read(new ZstdInputStreamNoFinalizer(new ByteArrayInputStream(compressed)), length);
            case GZIP -> read(new GZIPInputStream(new ByteArrayInputStream(compressed)), length);
            default -> throw new IOException("compressed by " + codec + "; SNAPPY, ZSTD and GZIP can be read");
        };
        if (data.length != length) {
            throw new IOException("a page has another size than it says");
        }
        return data;
    }

    private static byte[] read(InputStream decompressing, int length) throws IOException {
        try (decompressing) {
            return decompressing.readNBytes(length + 1);
        }
    }

    private static Encoding encoding(org.apache.parquet.format.Encoding encoding) throws IOException {
        if (encoding == null) {
            throw new IOException("a page of no known encoding");
        }
        return Encoding.valueOf(encoding.name());
    }
}
