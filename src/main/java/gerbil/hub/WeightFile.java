package gerbil.hub;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.safetensors.SafeTensors;
import gerbil.safetensors.TensorInfo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A file of tensors that says what it holds before any of it is read. */
interface WeightFile {

    /** What a tensor is. */
    record Kind(DataType type, Shape shape) {
    }

    /** The tensors by name. */
    Map<String, Kind> tensors();

    /** Some of the tensors, on the manager's device; bfloat16 as float32. */
    Map<String, NDArray> read(NDManager manager, Set<String> names) throws IOException;

    /**
     * Opens a file by its name's ending.
     *
     * @throws gerbil.base.GerbilException if it breaks a rule of its format or holds anything but tensors
     */
    static WeightFile open(Path file) throws IOException {
        if (!file.getFileName().toString().endsWith(".safetensors")) {
            return new PyTorchFile(file);
        }
        Map<String, Kind> tensors = new LinkedHashMap<>();
        List<TensorInfo> listed = SafeTensors.list(file);
        listed.forEach(tensor -> tensors.put(tensor.name(), new Kind(tensor.type(), tensor.shape())));
        return new WeightFile() {
            @Override
            public Map<String, Kind> tensors() {
                return tensors;
            }

            @Override
            public Map<String, NDArray> read(NDManager manager, Set<String> names) throws IOException {
                return SafeTensors.read(file, manager, names::contains);
            }
        };
    }
}
