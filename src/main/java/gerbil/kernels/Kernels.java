package gerbil.kernels;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.training.ParameterStore;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * The operators of the resource {@code kernels.py}, run by PyTorch's TorchScript interpreter: DJL loads a TorchScript
 * archive and calls its methods, so a few lines of source reach every operator of libtorch.
 */
public final class Kernels implements AutoCloseable {

    // Python pickles: an object of class __torch__.M with the state {training: True}, and an empty tuple
    private static final String MODULE =
            "\u0080\u0002c__torch__\nM\nq\u0000)\u0081}q\u0001X\u0008\u0000\u0000\u0000trainingq\u0002\u0088sb.";
    private static final String NO_CONSTANTS = "\u0080\u0002).";
    private static final String VERSION = "10";

    static {
        // DJL hands this on to PyTorch: recompiling for the shapes it meets costs more than it saves here, and the
        // compiled gradients do not know sums of float32 and bfloat16
        System.setProperty("ai.djl.pytorch.graph_optimizer", "false");
    }

    private final String id = "kernels " + UUID.randomUUID();
    private final NDManager parent;
    private final NDManager manager;
    private final NDManager host;
    private final Model module;
    private final ParameterStore store;
    private final Map<String, NDArray> methods = new HashMap<>();

    private Kernels(NDManager parent, Model module) {
        this.parent = parent;
        manager = parent.newSubManager();
        host = manager.newSubManager(Device.cpu());
        this.module = module;
        store = new ParameterStore(manager, false);
        parent.attachInternal(id, this);
    }

    /** Loads the kernels on a manager's device; they are closed with it, if not before. */
    public static Kernels load(NDManager parent) {
        try {
            return load(parent, withProducts("products-onednn.py"));
        } catch (EngineException e) { // this PyTorch was built without oneDNN
            return load(parent, withProducts("products.py"));
        }
    }

    /** The source with its products, which depend on what PyTorch was built with. */
    static InputStream withProducts(String products) {
        return new SequenceInputStream(Kernels.class.getResourceAsStream("kernels.py"),
                Kernels.class.getResourceAsStream(products));
    }

    /** The same of another source, which is closed. */
    public static Kernels load(NDManager parent, InputStream text) {
        try (InputStream source = Objects.requireNonNull(text)) {
            ByteArrayOutputStream archive = new ByteArrayOutputStream();
            try (ZipOutputStream zip = new ZipOutputStream(archive)) {
                store(zip, "data.pkl", MODULE.getBytes(StandardCharsets.ISO_8859_1));
                store(zip, "code/__torch__.py", source.readAllBytes());
                store(zip, "constants.pkl", NO_CONSTANTS.getBytes(StandardCharsets.ISO_8859_1));
                store(zip, "version", VERSION.getBytes(StandardCharsets.ISO_8859_1));
            }
            Model module = Model.newInstance("kernels", parent.getDevice());
            module.load(new ByteArrayInputStream(archive.toByteArray()));
            return new Kernels(parent, module);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (MalformedModelException e) {
            throw new IllegalStateException(e);
        }
    }

    /** libtorch reads archives with stored entries only. */
    private static void store(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        ZipEntry entry = new ZipEntry("kernels/" + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }

    /**
     * Calls a method.
     *
     * @param gradients whether the result is to be differentiated; if not, it cannot enter a graph
     */
    public NDList call(String method, boolean gradients, Arguments arguments) {
        NDList list = new NDList(arguments.list);
        list.add(methods.computeIfAbsent(method, this::named));
        return module.getBlock().forward(store, list, gradients);
    }

    /**
     * Numbers as an argument. They stay in the processor's memory, so that a kernel that reads one waits for no GPU.
     */
    public NDArray numbers(double... values) {
        return host.create(values);
    }

    /** DJL takes the method from the name of an array that is not passed on. */
    private NDArray named(String method) {
        NDArray array = manager.create(0f);
        NDScope.unregister(array);
        array.setName("module_method:" + method);
        return array;
    }

    @Override
    public void close() {
        module.close();
        manager.close();
        parent.detachInternal(id);
    }

    /** Positional arguments: DJL tells a list of tensors from single ones by the arrays' names. */
    public static final class Arguments {

        private final NDList list = new NDList();
        private int lists;

        /** A tensor. */
        public Arguments add(NDArray array) {
            array.setName(null);
            list.add(array);
            return this;
        }

        /** A list of tensors. */
        public Arguments add(Iterable<NDArray> arrays) {
            String name = "list" + lists++ + "[]";
            arrays.forEach(array -> {
                array.setName(name);
                list.add(array);
            });
            return this;
        }
    }
}
