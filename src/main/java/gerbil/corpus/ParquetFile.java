package gerbil.corpus;

import gerbil.base.Utf8;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnReader;
import org.apache.parquet.column.impl.ColumnReaderImpl;
import org.apache.parquet.format.ColumnChunk;
import org.apache.parquet.format.ColumnMetaData;
import org.apache.parquet.format.FieldRepetitionType;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.RowGroup;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Type;
import org.apache.parquet.format.Util;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A parquet file with a column {@code text} of strings and perhaps {@code meta.pile_set_name}; a part is a row group.
 * The encodings and the metadata are read by parquet's own libraries, those of them that do without Hadoop; pages are
 * found and decompressed here, one at a time, so that a row group of any size is read in little memory.
 */
record ParquetFile(Path path, String name) implements RecordFile {

    private static final String TEXT = "text";
    private static final String LABEL = "meta.pile_set_name";
    private static final int TAIL = 8;
    private static final int LARGEST_FOOTER = 1 << 28;
    private static final long READ_AT_ONCE = 8L * BLOCK_BYTES;
    private static final String MAGIC = "PAR1";

    /** A leaf of the schema: how many of its ancestors and itself are optional. */
    private record Leaf(Type type, int optional, boolean repeated) {
    }

    @Override
    public List<Part> parts(long seed) {
        try (FileChannel channel = FileChannel.open(path)) {
            FileMetaData footer = footer(channel);
            Map<String, Leaf> leaves = leaves(footer.getSchema().iterator());
            requireText(leaves);
            List<Part> parts = new ArrayList<>();
            long row = 1;
            for (RowGroup group : footer.getRow_groups()) {
                // parquet's library takes no column without values
                if (group.getNum_rows() > 0) {
                    Group rows = new Group(leaves, group, row, seed);
                    parts.add(new Part(name + "#" + parts.size(), new Slice(Set.of(name), () -> blocks(rows))));
                    row += group.getNum_rows();
                }
            }
            return parts;
        } catch (IOException | RuntimeException | OutOfMemoryError e) {
            throw bad(0, e);
        }
    }

    /** In damaged files the libraries find lengths, and ask for that much memory: that is no lack of it. */
    private BadFile bad(long row, Throwable e) {
        return e instanceof BadFile known ? known
                : new BadFile(name, row, "is not a whole parquet file (" + e.getMessage() + ")", e);
    }

    private FileMetaData footer(FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < 2 * MAGIC.length() + Integer.BYTES) {
            throw new IOException(size + " bytes are none");
        }
        ByteBuffer tail = RecordFile.read(channel, size - TAIL, TAIL).order(ByteOrder.LITTLE_ENDIAN);
        int length = tail.getInt();
        if (!StandardCharsets.ISO_8859_1.decode(tail).toString().equals(MAGIC)) {
            throw new IOException("its last bytes are not " + MAGIC);
        }
        if (length <= 0 || length > size - TAIL - MAGIC.length() || length > LARGEST_FOOTER) {
            throw new IOException("its footer's length is " + length);
        }
        return Util.readFileMetaData(new ByteArrayInputStream(
                RecordFile.read(channel, size - TAIL - length, length).array()));
    }

    private static Map<String, Leaf> leaves(Iterator<SchemaElement> schema) {
        Map<String, Leaf> leaves = new HashMap<>();
        int columns = schema.next().getNum_children();
        for (int i = 0; i < columns; i++) {
            walk(schema, "", 0, false, leaves);
        }
        return leaves;
    }

    private static void walk(Iterator<SchemaElement> schema, String parent, int optional, boolean repeated,
                             Map<String, Leaf> leaves) {
        SchemaElement element = schema.next();
        String path = parent + element.getName();
        int levels = optional + (element.getRepetition_type() == FieldRepetitionType.REQUIRED ? 0 : 1);
        boolean many = repeated || element.getRepetition_type() == FieldRepetitionType.REPEATED;
        if (element.getNum_children() == 0) {
            leaves.put(path, new Leaf(element.getType(), levels, many));
        }
        for (int i = 0; i < element.getNum_children(); i++) {
            walk(schema, path + ".", levels, many, leaves);
        }
    }

    private void requireText(Map<String, Leaf> leaves) {
        if (!isText(leaves.get(TEXT))) {
            throw new BadFile(name, 0, "has no column '" + TEXT + "' of strings, but " + leaves.keySet().stream()
                    .sorted().toList(), null);
        }
    }

    private static boolean isText(Leaf leaf) {
        return leaf != null && leaf.type() == Type.BYTE_ARRAY && !leaf.repeated();
    }

    private record Group(Map<String, Leaf> leaves, RowGroup metadata, long firstRow, long seed) {

        Optional<ColumnMetaData> chunk(String column) {
            return metadata.getColumns().stream().map(ColumnChunk::getMeta_data)
                    .filter(meta -> meta != null && String.join(".", meta.getPath_in_schema()).equals(column))
                    .findFirst();
        }
    }

    /** A group of usual size is read when its one block is; a larger one piece by piece. */
    private Stream<Block> blocks(Group group) {
        long bytes = group.chunk(TEXT).orElseThrow(() -> new BadFile(name, group.firstRow - 1,
                "has a row group without '" + TEXT + "'", null)).getTotal_uncompressed_size();
        if (bytes > READ_AT_ONCE) {
            Rows rows = new Rows(group);
            return Stream.generate(rows::next).takeWhile(Objects::nonNull).onClose(rows::close);
        }
        return Stream.of(new Block(bytes, () -> {
            try (Rows rows = new Rows(group)) {
                return rows.take(Long.MAX_VALUE);
            }
        }));
    }

    /** Rows of a row group, one after another. */
    private final class Rows implements AutoCloseable {

        private final List<InputStream> open = new ArrayList<>();
        private final Column texts;
        private final Optional<Column> labels;
        private final long seed;
        private long row;
        private long left;

        Rows(Group group) {
            row = group.firstRow;
            left = group.metadata.getNum_rows();
            seed = group.seed;
            try {
                texts = column(group, TEXT).orElseThrow();
                labels = isText(group.leaves.get(LABEL)) ? column(group, LABEL) : Optional.empty();
            } catch (IOException | RuntimeException | OutOfMemoryError e) {
                close();
                throw bad(row - 1, e);
            }
        }

        private Optional<Column> column(Group group, String column) throws IOException {
            Optional<ColumnMetaData> chunk = group.chunk(column);
            if (chunk.isEmpty()) {
                return Optional.empty();
            }
            if (chunk.get().getNum_values() != left) {
                throw new IOException("'" + column + "' has " + chunk.get().getNum_values() + " values for " + left
                        + " rows");
            }
            PrimitiveType type = new PrimitiveType(org.apache.parquet.schema.Type.Repetition.OPTIONAL,
                    PrimitiveTypeName.BINARY, column);
            int level = group.leaves.get(column).optional();
            InputStream in = Files.newInputStream(path);
            open.add(in);
            ColumnDescriptor descriptor = new ColumnDescriptor(column.split("\\."), type, 0, level);
            return Optional.of(new Column(new ColumnReaderImpl(descriptor, new ParquetPages(in, Files.size(path),
                    chunk.get()), new PrimitiveConverter() { }, null), level));
        }

        /** The next block of some megabytes, or null. */
        Block next() {
            if (left == 0) {
                return null;
            }
            Block.Content content = take(BLOCK_BYTES);
            return new Block(BLOCK_BYTES, () -> content);
        }

        /** The next rows up to the one with which their text reaches so many bytes, or before which the file is bad. */
        Block.Content take(long bytes) {
            List<Document> documents = new ArrayList<>();
            List<Defect> defects = new ArrayList<>();
            int blank = 0;
            BadFile rest = null;
            try {
                for (long taken = 0; left > 0 && taken < bytes; row++, left--) {
                    byte[] value = texts.next();
                    byte[] label = labels.map(Column::next).orElse(null);
                    if (value == null) {
                        defects.add(new Defect(name, row, "has no text"));
                    } else if (!Utf8.isValid(value, 0, value.length)) {
                        defects.add(new Defect(name, row, "is not UTF-8"));
                    } else {
                        String text = new String(value, StandardCharsets.UTF_8);
                        blank += text.isBlank() ? 1 : 0;
                        if (!text.isBlank()) {
                            documents.add(new Document(name + "#" + row, label == null ? name
                                    : new String(label, StandardCharsets.UTF_8), text));
                        }
                        taken += value.length;
                    }
                }
            } catch (RuntimeException | OutOfMemoryError e) {
                rest = bad(row - 1, e);
                left = 0;
            }
            return new Block.Content(SeededOrder.of(documents, Document::id, seed),
                    Collections.unmodifiableList(defects), blank, rest);
        }

        @Override
        public void close() {
            try {
                for (InputStream in : open) {
                    in.close();
                }
            } catch (IOException e) {
                throw bad(row, e);
            }
        }
    }

    /** @param level of what is there, unlike null */
    private record Column(ColumnReader reader, int level) {

        byte[] next() {
            byte[] value = reader.getCurrentDefinitionLevel() == level ? reader.getBinary().getBytes() : null;
            reader.consume();
            return value;
        }
    }
}
