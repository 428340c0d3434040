package gerbil.hub;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import gerbil.safetensors.SafeTensors;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * A {@code state_dict} that PyTorch 1.6 or newer saved: a zip archive, of which {@code data.pkl} is
 * the pickle that names the tensors and {@code data/<key>} are their storages.
 */
final class PyTorchFile implements WeightFile {

    private static final String PICKLE = "/data.pkl";
    private static final int LARGEST_PICKLE = 1 << 24;
    private static final String OLD = "80028a0a6cfc9c46f9206aa85019";

    private final Path file;
    private final String root;
    private final Map<String, PickledTensor> tensors;

    /**
     * @throws GerbilException if the file is not such an archive, or pickles anything but tensors; no tensor is read
     */
    PyTorchFile(Path file) throws IOException {
        this.file = file;
        try (ZipFile zip = new ZipFile(file.toFile())) {
            List<String> pickles = zip.stream().map(ZipEntry::getName).filter(n -> n.endsWith(PICKLE)).toList();
            if (pickles.size() != 1) {
                throw refused(pickles.size() + " entries named data.pkl");
            }
            root = pickles.get(0).substring(0, pickles.get(0).length() - PICKLE.length());
            ZipEntry order = zip.getEntry(root + "/byteorder");
            if (order != null && !"little".equals(new String(content(zip, order, 16), StandardCharsets.US_ASCII))) {
                throw refused("another byte order than little");
            }
            tensors = Unpickler.tensors(file, content(zip, zip.getEntry(pickles.get(0)), LARGEST_PICKLE));
            for (PickledTensor tensor : tensors.values()) {
                entry(zip, tensor.storage());
            }
        } catch (ZipException e) {
            throw refused(isOld() ? "the format of PyTorch before 1.6"
                    : "no zip archive, or a broken one (" + e.getMessage() + ")");
        }
    }

    /** Begins with the pickle of a number that says so. */
    private boolean isOld() throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return HexFormat.of().formatHex(in.readNBytes(OLD.length() / 2)).equals(OLD);
        }
    }

    /** Stored or, by a program that packed the archive again, compressed. */
    private ZipEntry entry(ZipFile zip, PickledTensor.Storage storage) {
        ZipEntry entry = zip.getEntry(root + "/data/" + storage.key());
        if (entry == null || entry.getSize() != storage.bytes()) {
            throw refused((entry == null ? "no" : entry.getSize() + " bytes in") + " data/" + storage.key()
                    + ", which should hold " + storage.elements() + " of type " + storage.type());
        }
        return entry;
    }

    private byte[] content(ZipFile zip, ZipEntry entry, int most) throws IOException {
        if (entry.getSize() > most) {
            throw refused(entry.getSize() + " bytes in " + entry.getName());
        }
        try (InputStream in = zip.getInputStream(entry)) {
            byte[] content = in.readNBytes(most);
            if (content.length != entry.getSize()) {
                throw refused(content.length + " bytes in " + entry.getName() + " of " + entry.getSize());
            }
            return content;
        }
    }

    @Override
    public Map<String, Kind> tensors() {
        Map<String, Kind> kinds = new LinkedHashMap<>();
        tensors.forEach((name, tensor) -> kinds.put(name, new Kind(tensor.storage().type(), tensor.shape())));
        return kinds;
    }

    @Override
    public Map<String, NDArray> read(NDManager manager, Set<String> names) throws IOException {
        Map<String, NDArray> arrays = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(file.toFile())) {
            for (String name : names) {
                PickledTensor tensor = tensors.get(name);
                ZipEntry entry = entry(zip, tensor.storage());
                byte[] content = content(zip, entry, tensor.storage().bytes());
                arrays.put(name, SafeTensors.array(manager, tensor.storage().type(), tensor.shape(),
                        tensor.elements(content)));
            }
        }
        return arrays;
    }

    private GerbilException refused(String found) {
        return new GerbilException(file + " has " + found, "the zip archive that torch.save of PyTorch 1.6 or newer "
                + "writes", "take a whole copy, or load and save it once more with a newer PyTorch");
    }
}
