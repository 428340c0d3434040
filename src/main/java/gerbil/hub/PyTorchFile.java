package gerbil.hub;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.safetensors.SafeTensors;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
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
        try (ZipFile zip = new ZipFile(Folders.requireFile(file, Long.MAX_VALUE).toFile())) {
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
        } catch (ZipException | EOFException e) {
            throw isOld() ? refused("the format of PyTorch before 1.6") : broken(e);
        }
    }

    /** An end of file is one without a message: an entry that would begin behind it. */
    private GerbilException broken(IOException e) {
        return refused("no zip archive, or a broken one (" + Objects.requireNonNullElse(e.getMessage(), "it ends early")
                + ")");
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
        if (entry.getSize() < 0 || entry.getSize() > most) {
            throw refused(entry.getSize() + " bytes in " + entry.getName());
        }
        byte[] content = new byte[(int) entry.getSize()];
        read(zip, entry, ByteBuffer.wrap(content));
        return content;
    }

    private void read(ZipFile zip, ZipEntry entry, ByteBuffer memory) throws IOException {
        CheckedInputStream in = new CheckedInputStream(zip.getInputStream(entry), new CRC32());
        try (ReadableByteChannel channel = Channels.newChannel(in)) {
            while (memory.hasRemaining() && channel.read(memory) >= 0) {
                // until it is full
            }
        }
        if (memory.hasRemaining() || in.getChecksum().getValue() != entry.getCrc()) {
            throw refused(entry.getName() + " of " + memory.position() + " bytes with another checksum than it was "
                    + "written with");
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
                arrays.put(name, SafeTensors.array(manager, tensor.storage().type(), tensor.shape(), memory -> {
                    try (NDManager scratch = manager.newSubManager(Device.cpu())) {
                        ByteBuffer storage = SafeTensors.array(scratch, DataType.UINT8,
                                new Shape(tensor.storage().bytes()), content ->
                                        read(zip, entry(zip, tensor.storage()), content)).toByteBuffer(true);
                        tensor.put(storage, memory);
                    }
                }));
            }
        } catch (ZipException | EOFException e) {
            throw broken(e);
        }
        return arrays;
    }

    private GerbilException refused(String found) {
        return new GerbilException(file + " has " + found, "the zip archive that torch.save of PyTorch 1.6 or newer "
                + "writes", "take a whole copy, or load and save it once more with a newer PyTorch");
    }
}
