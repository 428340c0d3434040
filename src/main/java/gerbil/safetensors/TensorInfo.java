package gerbil.safetensors;

import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;

import java.math.BigInteger;

/**
 * What a file's header says of one tensor.
 *
 * @param begin first byte, counted from the end of the header
 * @param end the byte after the last
 */
public record TensorInfo(String name, DataType type, Shape shape, long begin, long end) {

    /** Bytes of a tensor, or -1 if they are more than a buffer of float32 could hold. */
    static long bytes(DataType type, Shape shape) {
        BigInteger bytes = BigInteger.valueOf(type.getNumOfBytes());
        BigInteger strides = bytes;
        for (long dimension : shape.getShape()) {
            bytes = bytes.multiply(BigInteger.valueOf(dimension));
            strides = strides.multiply(BigInteger.valueOf(Math.max(1, dimension)));
        }
        return strides.bitLength() < Integer.SIZE - 1 ? bytes.longValue() : -1;
    }
}
