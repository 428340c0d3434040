package gerbil.safetensors;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.WholeFile;

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Reads and writes safetensors files by the format's own rules: eight bytes of header length (little-endian), a JSON
 * header of at most 100 MB that starts with an opening brace, then the tensors' bytes without holes or overlaps up to
 * the file's end.
 */
public final class SafeTensors {

    private static final long LARGEST_HEADER = 100_000_000;
    private static final int PIECE = 1 << 20;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, String> FORMAT = Map.of("format", "pt");
    private static final Set<DataType> WRITTEN = Set.of(DataType.FLOAT32, DataType.FLOAT16, DataType.FLOAT64,
            DataType.INT64, DataType.INT32, DataType.UINT8, DataType.INT8, DataType.BOOLEAN);
    static final List<DataType> READ =
            Stream.concat(WRITTEN.stream(), Stream.of(DataType.BFLOAT16)).sorted().toList();

    private SafeTensors() {
    }

    /**
     * Writes tensors, with the metadata by which transformers knows them for PyTorch's.
     *
     * @throws IOException if the disk is full or not writable; then the file is as it was
     */
    public static void write(Path file, Map<String, NDArray> tensors) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        header.putPOJO(Header.METADATA, FORMAT);
        long offset = 0;
        for (Map.Entry<String, NDArray> tensor : tensors.entrySet()) {
            NDArray array = tensor.getValue();
            if (!WRITTEN.contains(array.getDataType())) {
                throw new GerbilException(tensor.getKey() + " of type " + array.getDataType(), "one of " + WRITTEN,
                        "convert it before it is written");
            }
            long end = offset + TensorInfo.bytes(array.getDataType(), array.getShape());
            ObjectNode entry = header.putObject(tensor.getKey());
            entry.put("dtype", array.getDataType().asSafetensors());
            var shape = entry.putArray("shape");
            for (long dimension : array.getShape().getShape()) {
                shape.add(dimension);
            }
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        byte[] json = JSON.writeValueAsBytes(header);
        int padded = (json.length + 7) / 8 * 8;
        ByteBuffer head = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN).putLong(padded).put(json);
        while (head.hasRemaining()) {
            head.put((byte) ' ');
        }
        WholeFile.write(file, temporary -> {
            // not a channel: an interrupt, which asks a trainer for a checkpoint, would close it
            try (FileOutputStream out = new FileOutputStream(temporary.toFile())) {
                write(out, head.flip());
                for (NDArray array : tensors.values()) {
                    write(out, array.toByteBuffer());
                }
            }
        });
    }

    private static void write(FileOutputStream out, ByteBuffer buffer) throws IOException {
        byte[] piece = new byte[Math.min(buffer.remaining(), PIECE)];
        while (buffer.hasRemaining()) {
            int count = Math.min(buffer.remaining(), PIECE);
            buffer.get(piece, 0, count);
            out.write(piece, 0, count);
        }
    }

    /**
     * What a file holds, in the order of its bytes, from its header alone.
     *
     * @throws IOException if the file cannot be read
     * @throws GerbilException if it breaks a rule of the format, naming the rule
     */
    public static List<TensorInfo> list(Path file) throws IOException {
        try (FileChannel in = open(file)) {
            long headerLength = headerLength(file, in);
            return tensors(file, in, headerLength);
        }
    }

    /**
     * All tensors of a file, by name in the order of their bytes, on the manager's device; bfloat16 as float32.
     *
     * @throws IOException if the file cannot be read
     * @throws GerbilException if it breaks a rule of the format, naming the rule; before tensors are read
     */
    public static Map<String, NDArray> read(Path file, NDManager manager) throws IOException {
        return read(file, manager, tensor -> true);
    }

    /** As the other method, leaving out the tensors that are not wanted. */
    public static Map<String, NDArray> read(Path file, NDManager manager, Predicate<String> wanted)
            throws IOException {
        try (FileChannel in = open(file)) {
            long headerLength = headerLength(file, in);
            Map<String, NDArray> arrays = new LinkedHashMap<>();
            for (TensorInfo tensor : tensors(file, in, headerLength)) {
                if (wanted.test(tensor.name())) {
                    arrays.put(tensor.name(), array(manager, tensor.type(), tensor.shape(),
                            memory -> read(in, file, 8 + headerLength + tensor.begin(), memory)));
                }
            }
            return arrays;
        }
    }

    private static FileChannel open(Path file) throws IOException {
        return FileChannel.open(Folders.requireFile(file, Long.MAX_VALUE));
    }

    private static long headerLength(Path file, FileChannel in) throws IOException {
        long size = in.size();
        if (size < 8) {
            throw Header.broken(file, size + " bytes", "at least the 8 bytes of the header's length");
        }
        ByteBuffer begin = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        read(in, file, 0, begin);
        long length = begin.getLong(0);
        if (length < 2 || length > Math.min(LARGEST_HEADER, size - 8)) {
            throw Header.broken(file, "a header of " + length + " bytes in a file of " + size,
                    "a header inside the file and of at most " + LARGEST_HEADER + " bytes");
        }
        return length;
    }

    private static List<TensorInfo> tensors(Path file, FileChannel in, long headerLength) throws IOException {
        byte[] header = new byte[(int) headerLength];
        read(in, file, 8, ByteBuffer.wrap(header));
        return Header.parse(file, header, in.size() - 8 - headerLength);
    }

    /** What a tensor is read from. */
    @FunctionalInterface
    public interface Source {

        /**
         * Reads all bytes of the tensor.
         *
         * @param memory has room for them, in little-endian order
         */
        void readInto(ByteBuffer memory) throws IOException;
    }

    /**
     * An array whose bytes go straight into its own memory, so that neither Java's heap nor its buffers limit it;
     * bfloat16 as float32. (DJL's PyTorch engine dies of bfloat16 arrays; float32 holds the same numbers, their bits in
     * its upper half.)
     */
    public static NDArray array(NDManager manager, DataType type, Shape shape, Source source) throws IOException {
        boolean widened = type == DataType.BFLOAT16;
        NDArray array = manager.create(shape, widened ? DataType.FLOAT32 : type, Device.cpu());
        if (shape.size() > 0) {
            ByteBuffer memory = array.toByteBuffer(true).order(ByteOrder.LITTLE_ENDIAN);
            int half = memory.capacity() / 2;
            source.readInto(widened ? memory.slice(half, half).order(ByteOrder.LITTLE_ENDIAN) : memory);
            for (int i = 0; widened && i < half; i += Short.BYTES) {
                memory.putInt(2 * i, memory.getShort(half + i) << Short.SIZE);
            }
        }
        NDArray moved = array.toDevice(manager.getDevice(), false);
        if (moved != array) {
            array.close();
        }
        return moved;
    }

    private static void read(FileChannel in, Path file, long position, ByteBuffer memory) throws IOException {
        while (memory.hasRemaining()) {
            if (in.read(memory, position + memory.position()) < 0) {
                throw Header.broken(file, "an end at byte " + (position + memory.position()), "byte " + (position
                        + memory.capacity()));
            }
        }
    }
}
