package gerbil.hub;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * A tensor of a PyTorch file: a view of a storage.
 *
 * @param storage where the elements lie
 * @param offset of the first element in the storage
 * @param shape of the tensor
 * @param strides elements from one index of a dimension to the next
 */
record PickledTensor(Storage storage, long offset, Shape shape, long[] strides) {

    private static final int MOST_DIMENSIONS = 8;
    /** How many times as large as each other a view and its storage may be; and what they may be in any case. */
    private static final int TIMES = 4;
    private static final int SMALL = 1 << 20;

    /**
     * Entry {@code data/<key>} of the file.
     *
     * @param elements in it
     */
    record Storage(String key, DataType type, long elements) {

        /** Bytes of the entry, of less than 2 GB. */
        int bytes() {
            return bytesOf(Math.multiplyExact(elements, type.getNumOfBytes()));
        }
    }

    /**
     * @param sizes whole numbers
     * @param steps whole numbers, as many
     * @throws ArithmeticException if the view is larger than 2 GB, not inside its storage, or of another size by far
     */
    static PickledTensor of(Storage storage, long offset, List<?> sizes, List<?> steps) {
        long[] shape = numbers(sizes);
        long[] strides = numbers(steps);
        if (shape.length != strides.length || shape.length > MOST_DIMENSIONS || offset < 0) {
            throw new ArithmeticException("shape and strides disagree");
        }
        long last = offset;
        long bytes = storage.type.getNumOfBytes();
        for (int i = 0; i < shape.length; i++) {
            if (shape[i] < 0 || strides[i] < 0) {
                throw new ArithmeticException("a negative dimension or stride");
            }
            last = Math.addExact(last, Math.multiplyExact(Math.max(0, shape[i] - 1), strides[i]));
            bytes = Math.multiplyExact(bytes, Math.max(1, shape[i]));
        }
        bytesOf(bytes);
        PickledTensor tensor = new PickledTensor(storage, offset, new Shape(shape), strides);
        if (tensor.shape.size() > 0 && last >= storage.elements) {
            throw new ArithmeticException("an element beyond the storage");
        }
        long stored = storage.bytes();
        if (bytes > SMALL && bytes / TIMES > stored || stored > SMALL && stored / TIMES > bytes) {
            throw new ArithmeticException(bytes + " bytes as a view of " + stored);
        }
        return tensor;
    }

    private static int bytesOf(long bytes) {
        if (bytes != (int) bytes) {
            throw new ArithmeticException("it has " + bytes + " bytes, and 2 GB can be read");
        }
        return (int) bytes;
    }

    private static long[] numbers(List<?> values) {
        return values.stream().mapToLong(v -> (Long) v).toArray();
    }

    /**
     * Puts the tensor's elements in the order of its indices.
     *
     * @param content of the storage
     * @param elements has room for them
     */
    void put(ByteBuffer content, ByteBuffer elements) {
        int width = storage.type.getNumOfBytes();
        int count = Math.toIntExact(shape.size());
        if (isContiguous()) {
            elements.put(content.slice(Math.toIntExact(offset * width), count * width));
            return;
        }
        long[] index = new long[strides.length];
        long at = offset;
        for (int n = 0; n < count; n++) {
            elements.put(elements.position(), content, Math.toIntExact(at * width), width);
            elements.position(elements.position() + width);
            for (int d = index.length - 1; d >= 0; d--) {
                at += strides[d];
                if (++index[d] < shape.get(d)) {
                    break;
                }
                at -= index[d] * strides[d];
                index[d] = 0;
            }
        }
    }

    private boolean isContiguous() {
        long expected = 1;
        for (int d = strides.length - 1; d >= 0; d--) {
            if (shape.get(d) > 1 && strides[d] != expected) {
                return false;
            }
            expected *= shape.get(d);
        }
        return true;
    }
}
