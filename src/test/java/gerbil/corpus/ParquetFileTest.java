package gerbil.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.Util;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Files that pyarrow wrote, by {@code src/test/resources/parquet/make.py}. */
class ParquetFileTest {

    private static final Path FILES = Path.of("src/test/resources/parquet");
    private static final int ROWS = 300;

    @TempDir
    Path temp;

    private static String text(int row) {
        return "text " + row + IntStream.range(1, Math.max(1, row % 9)).mapToObj(k -> " wörter" + row * k % 97)
                .collect(Collectors.joining());
    }

    private static List<Block.Content> contents(Path file) {
        List<Block.Content> contents = new ArrayList<>();
        try (Stream<Slice> slices = TextFolder.open(file).slices(1)) {
            slices.flatMap(Slice::blocks).forEach(block -> contents.add(block.read()));
            contents.stream().map(Block.Content::rest).filter(Objects::nonNull).forEach(bad -> {
                throw bad;
            });
        }
        return contents;
    }

    private static Stream<Document> documents(Path file) {
        return contents(file).stream().flatMap(c -> c.documents().stream());
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "snappy", "gzip", "zstd", "v2", "delta", "pages"})
    void everyRowIsRead(String name) {
        List<Document> documents = documents(FILES.resolve(name + ".parquet"))
                .sorted((a, b) -> Integer.compare(row(a), row(b))).toList();
        assertEquals(IntStream.range(0, ROWS).mapToObj(ParquetFileTest::text).toList(),
                documents.stream().map(Document::text).toList());
        assertEquals(IntStream.rangeClosed(1, ROWS).boxed().toList(),
                documents.stream().map(ParquetFileTest::row).toList());
        assertTrue(documents.stream().allMatch(d -> d.source().equals(name + ".parquet")));
    }

    private static int row(Document document) {
        return Integer.parseInt(document.id().substring(document.id().indexOf('#') + 1));
    }

    @Test
    void rowGroupsAndTheirRowsAreShuffled() {
        List<Integer> rows = documents(FILES.resolve("zstd.parquet")).map(ParquetFileTest::row).toList();
        assertNotEquals(rows.stream().sorted().toList(), rows);
        assertEquals(3, contents(FILES.resolve("zstd.parquet")).size());
    }

    @Test
    void labelsNameSubsetsAndHolesAreTold() {
        List<Block.Content> contents = contents(FILES.resolve("labels.parquet"));
        assertEquals(List.of(new Defect("labels.parquet", 6, "has no text")),
                contents.stream().flatMap(c -> c.defects().stream()).toList());
        assertEquals(1, contents.stream().mapToInt(Block.Content::blank).sum());
        var counts = documents(FILES.resolve("labels.parquet"))
                .collect(Collectors.groupingBy(Document::source, Collectors.counting()));
        assertEquals(Map.of("Enron Emails", 199L, "Wikipedia (en)", 99L), counts);
    }

    @Test
    void filesAndRowGroupsMayBeWithoutRows() {
        assertEquals(List.of(), contents(FILES.resolve("empty.parquet")));
        Map<String, String> texts = documents(FILES.resolve("empty-group.parquet"))
                .collect(Collectors.toMap(Document::id, Document::text));
        assertEquals(Map.of("empty-group.parquet#1", "one", "empty-group.parquet#2", "two", "empty-group.parquet#3",
                "three"), texts);
    }

    /** As parquet-mr before 1.2.9 wrote it (PARQUET-816). */
    @ParameterizedTest
    @ValueSource(strings = {"none", "snappy", "gzip", "zstd"})
    void chunksMayLeaveOutTheirDictionarysHeader(String name) throws IOException {
        byte[] whole = Files.readAllBytes(FILES.resolve(name + ".parquet"));
        int footer = whole.length - 8 - ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getInt(whole.length - 8);
        FileMetaData metadata = Util.readFileMetaData(new ByteArrayInputStream(whole, footer, whole.length - footer));
        for (RowGroup group : metadata.getRow_groups()) {
            for (ColumnChunk column : group.getColumns()) {
                ColumnMetaData chunk = column.getMeta_data();
                ByteArrayInputStream in = new ByteArrayInputStream(whole,
                        Math.toIntExact(chunk.getDictionary_page_offset()), whole.length);
                int before = in.available();
                Util.readPageHeader(in);
                chunk.setTotal_compressed_size(chunk.getTotal_compressed_size() - before + in.available());
            }
        }
        ByteArrayOutputStream old = new ByteArrayOutputStream();
        old.write(whole, 0, footer);
        Util.writeFileMetaData(metadata, old);
        old.write(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putInt(old.size() - footer)
                .put("PAR1".getBytes(StandardCharsets.US_ASCII)).array());
        Path file = Files.write(temp.resolve(name + ".parquet"), old.toByteArray());
        assertEquals(documents(FILES.resolve(name + ".parquet")).toList(), documents(file).toList());
    }

    @Test
    void rowsBeforeADamagedPageAreKept() throws IOException {
        byte[] bytes = Files.readAllBytes(FILES.resolve("pages.parquet"));
        Arrays.fill(bytes, bytes.length / 4, bytes.length / 4 + 100, (byte) 7);
        Path file = Files.write(temp.resolve("damaged.parquet"), bytes);
        try (Stream<Slice> slices = TextFolder.open(file).slices(1)) {
            Block.Content content = slices.flatMap(Slice::blocks).findFirst().orElseThrow().read();
            int rows = content.documents().size();
            assertTrue(rows > 20 && rows < ROWS - 20, rows + " rows");
            assertEquals(IntStream.rangeClosed(1, rows).boxed().toList(),
                    content.documents().stream().map(ParquetFileTest::row).sorted().toList());
            assertTrue(content.rest().getMessage().contains("), after line " + rows),
                    content.rest().getMessage());
        }
    }

    @Test
    void whatCannotBeReadIsNamed() {
        String message = assertThrows(BadFile.class, () -> contents(FILES.resolve("body.parquet"))).getMessage();
        assertTrue(message.contains("body.parquet has no column 'text' of strings, but [body]"), message);
        message = assertThrows(BadFile.class, () -> contents(FILES.resolve("required.parquet"))).getMessage();
        assertTrue(message.contains("required.parquet") && message.contains("LZ4"), message);
    }

    @Test
    void everyTruncationIsNamed() throws IOException {
        byte[] whole = Files.readAllBytes(FILES.resolve("snappy.parquet"));
        Path file = temp.resolve("cut.parquet");
        for (int length = 1; length < whole.length; length += 97) {
            Files.write(file, Arrays.copyOf(whole, length));
            String message = assertThrows(BadFile.class, () -> contents(file)).getMessage();
            assertTrue(message.contains("cut.parquet is not a whole parquet file"), message);
        }
    }
}
