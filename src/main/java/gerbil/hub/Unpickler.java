package gerbil.hub;

import ai.djl.ndarray.types.DataType;
import gerbil.base.GerbilException;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Reads the pickle of a dictionary of tensors and nothing else. A pickle is a program; this machine has no instruction
 * that runs anything: of the names it may look up there are only dictionaries, PyTorch's storages, types of numbers and
 * the functions that put a tensor together, and those are data here. (Python's pickle protocols 2 to 4, {@code
 * pickletools.py}; PyTorch's {@code torch/_utils.py}.)
 */
final class Unpickler {

    private static final String ORDERED_DICT = "collections.OrderedDict";
    private static final String TENSOR = "torch._utils._rebuild_tensor_v2";
    /** A tensor with attributes that somebody set; those are not read. */
    private static final String TENSOR_WITH_STATE = "torch._tensor._rebuild_from_type_v2";
    private static final int METADATA = 6;
    private static final String PARAMETER = "torch._utils._rebuild_parameter";
    private static final String PARAMETER_WITH_STATE = "torch._utils._rebuild_parameter_with_state";
    private static final String SIZE = "torch.Size";
    private static final Set<String> CALLED =
            Set.of(ORDERED_DICT, TENSOR, TENSOR_WITH_STATE, PARAMETER, PARAMETER_WITH_STATE, SIZE);
    /** What a tensor and its attributes may be said to be. */
    private static final Pattern TYPE = Pattern.compile("torch\\.(Tensor|(b?float|u?int|complex|bool)\\w*)");
    /** What PyTorch writes itself for other than plain tensors: sparse and quantized ones, modules, TorchScript. */
    private static final Pattern OF_PYTORCH = Pattern.compile("torch\\.(_utils|_tensor)\\._rebuild_\\w+"
            + "|torch\\.(storage\\.)?\\w+Storage|torch\\.serialization\\._get_layout|torch\\.nn\\.modules\\.[\\w.]+"
            + "|__torch__\\.[\\w.]+");
    private static final Map<String, DataType> STORAGES = Map.of("torch.FloatStorage", DataType.FLOAT32,
            "torch.DoubleStorage", DataType.FLOAT64, "torch.HalfStorage", DataType.FLOAT16,
            "torch.BFloat16Storage", DataType.BFLOAT16, "torch.BoolStorage", DataType.BOOLEAN,
            "torch.ByteStorage", DataType.UINT8, "torch.CharStorage", DataType.INT8,
            "torch.ShortStorage", DataType.INT16, "torch.IntStorage", DataType.INT32,
            "torch.LongStorage", DataType.INT64);
    private static final Object NONE = new Object();
    /** Some thirty for each tensor; each may take a hundred bytes. */
    private static final int MOST_OPERATIONS = 1 << 20;
    private static final int SHOWN = 100;

    /** What a pickle may call. */
    private record Function(String name) {
    }

    private final Path file;
    private final ByteBuffer in;
    private final Map<Long, Object> memo = new HashMap<>();
    private final Deque<List<Object>> below = new ArrayDeque<>();
    private List<Object> stack = new ArrayList<>();

    private Unpickler(Path file, byte[] pickle) {
        this.file = file;
        this.in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * The tensors by name, in the pickle's order.
     *
     * @throws GerbilException if the pickle holds or looks up anything else
     */
    static Map<String, PickledTensor> tensors(Path file, byte[] pickle) {
        Unpickler machine = new Unpickler(file, pickle);
        try {
            return machine.named(machine.run());
        } catch (BufferUnderflowException | IndexOutOfBoundsException | ClassCastException
                 | NoSuchElementException e) {
            throw machine.refused("a pickle that breaks off or contradicts itself");
        } catch (ArithmeticException e) {
            throw machine.refused("a tensor that cannot be (" + e.getMessage() + ")");
        }
    }

    private Map<String, PickledTensor> named(Object value) {
        if (!(value instanceof Map<?, ?> dictionary)) {
            throw refused(value instanceof List ? "a list" : value instanceof PickledTensor ? "one tensor"
                    : "something that is no dictionary");
        }
        Map<String, PickledTensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : dictionary.entrySet()) {
            if (!(entry.getKey() instanceof String name && entry.getValue() instanceof PickledTensor tensor)) {
                throw refused("'" + shown(entry.getKey().toString()) + "' that is no tensor"
                        + (entry.getValue() instanceof Map ? " but a dictionary" : ""));
            }
            tensors.put(name, tensor);
        }
        return tensors;
    }

    private Object run() {
        for (int n = 0; n < MOST_OPERATIONS; n++) {
            char operation = (char) (in.get() & 0xFF);
            switch (operation) {
                case '.' -> {
                    return pop();
                }
                case 0x80 -> in.get();                                                  // PROTO
                case 0x95 -> in.getLong();                                              // FRAME
                case '(' -> mark();
                case '0' -> pop();
                case 'N' -> push(NONE);
                case 0x88 -> push(true);
                case 0x89 -> push(false);
                case 'J' -> push((long) in.getInt());                                   // BININT
                case 'K' -> push((long) (in.get() & 0xFF));                             // BININT1
                case 'M' -> push((long) (in.getShort() & 0xFFFF));                      // BININT2
                case 0x8a -> push(longOf(in.get() & 0xFF));                             // LONG1
                case 'G' -> push(in.order(ByteOrder.BIG_ENDIAN).getDouble());           // BINFLOAT
                case 'X' -> push(text(in.getInt()));                                    // BINUNICODE
                case 0x8c -> push(text(in.get() & 0xFF));                               // SHORT_BINUNICODE
                case ')' -> push(List.of());
                case 0x85 -> push(tuple(1));
                case 0x86 -> push(tuple(2));
                case 0x87 -> push(tuple(3));
                case 't' -> push(toMark());                                             // TUPLE
                case ']' -> push(new ArrayList<>());
                case 'a' -> append(tuple(1));
                case 'e' -> append(toMark());                                           // APPENDS
                case '}' -> push(new LinkedHashMap<>());
                case 's' -> put(tuple(2));                                              // SETITEM
                case 'u' -> put(toMark());                                              // SETITEMS
                case 'q' -> memo.put((long) (in.get() & 0xFF), top());                  // BINPUT
                case 'r' -> memo.put((long) in.getInt(), top());                        // LONG_BINPUT
                case 0x94 -> memo.put((long) memo.size(), top());                       // MEMOIZE
                case 'h' -> push(remembered(in.get() & 0xFF));                          // BINGET
                case 'j' -> push(remembered(in.getInt()));                              // LONG_BINGET
                case 'c' -> push(global(line() + "." + line()));                        // GLOBAL
                case 0x93 -> {                                                          // STACK_GLOBAL
                    List<Object> name = tuple(2);
                    push(global((String) name.get(0) + "." + (String) name.get(1)));
                }
                case 'Q' -> push(storage((List<?>) pop()));      // BINPERSID
                case 'R' -> {                                                           // REDUCE
                    List<?> arguments = (List<?>) pop();
                    push(reduce((Function) pop(), arguments));
                }
                case 'b' -> {                                                           // BUILD
                    pop();
                    if (!(top() instanceof Map)) {
                        throw refused("a pickle that sets the state of something other than a dictionary");
                    }
                }
                default -> throw refused(String.format(Locale.ROOT, "a pickle with operation 0x%02x", (int) operation));
            }
            in.order(ByteOrder.LITTLE_ENDIAN);
        }
        throw refused("a pickle of more than " + MOST_OPERATIONS + " operations");
    }

    private Object reduce(Function function, List<?> arguments) {
        return switch (function.name) {
            case ORDERED_DICT -> {
                if (!arguments.isEmpty()) {
                    throw refused("an OrderedDict made from something");
                }
                yield new LinkedHashMap<>();
            }
            case TENSOR -> tensor(arguments);
            case TENSOR_WITH_STATE -> {
                if (!new Function(TENSOR).equals(arguments.get(0))) {
                    throw refused("a tensor of a type of its own");
                }
                yield tensor((List<?>) arguments.get(2));
            }
            case PARAMETER, PARAMETER_WITH_STATE -> (PickledTensor) arguments.get(0);
            case SIZE -> (List<?>) arguments.get(0);
            default -> throw refused("a pickle that calls " + function.name);
        };
    }

    private PickledTensor tensor(List<?> arguments) {
        if (arguments.size() > METADATA && !((Map<?, ?>) arguments.get(METADATA)).isEmpty()) {
            throw refused("a tensor that is the negative or the conjugate of what is stored");
        }
        return PickledTensor.of((PickledTensor.Storage) arguments.get(0), (Long) arguments.get(1),
                (List<?>) arguments.get(2), (List<?>) arguments.get(3));
    }

    /** A function, or a type of numbers. */
    private Object global(String name) {
        if (STORAGES.containsKey(name)) {
            return STORAGES.get(name);
        }
        if (CALLED.contains(name) || TYPE.matcher(name).matches()) {
            return new Function(name);
        }
        String found = "a pickle that imports " + shown(name.replaceAll("[^\\w.]", "?"));
        if (OF_PYTORCH.matcher(name).matches()) {
            throw refused(found + ", as PyTorch writes other things than plain tensors");
        }
        throw new GerbilException(file + ", " + found + ", with which it may run anything", "tensors and nothing else",
                "do not load this file with any program; ask for model.safetensors");
    }

    /** From ("storage", type, key, device, elements). */
    private PickledTensor.Storage storage(List<?> id) {
        if (!"storage".equals(id.get(0))) {
            throw refused("a pickle that refers to something other than a storage");
        }
        PickledTensor.Storage storage =
                new PickledTensor.Storage((String) id.get(2), (DataType) id.get(1), (Long) id.get(4));
        storage.bytes();
        return storage;
    }

    private void mark() {
        below.push(stack);
        stack = new ArrayList<>();
    }

    private List<Object> toMark() {
        List<Object> values = stack;
        stack = below.pop();
        return values;
    }

    private List<Object> tuple(int size) {
        List<Object> last = stack.subList(stack.size() - size, stack.size());
        List<Object> values = new ArrayList<>(last);
        last.clear();
        return values;
    }

    @SuppressWarnings("unchecked")
    private void append(List<Object> values) {
        ((ArrayList<Object>) top()).addAll(values);
    }

    @SuppressWarnings("unchecked")
    private void put(List<Object> keysAndValues) {
        Map<Object, Object> target = (Map<Object, Object>) top();
        for (int i = 0; i < keysAndValues.size(); i += 2) {
            Object key = keysAndValues.get(i);
            if (!(key instanceof String || key instanceof Long)) {
                throw refused("a dictionary whose keys are neither texts nor numbers");
            }
            if (target.put(key, keysAndValues.get(i + 1)) != null) {
                throw refused("'" + shown(key.toString()) + "' twice");
            }
        }
    }

    private void push(Object value) {
        stack.add(value);
    }

    private Object pop() {
        return stack.remove(stack.size() - 1);
    }

    private Object top() {
        return stack.get(stack.size() - 1);
    }

    private Object remembered(long key) {
        Object value = memo.get(key);
        if (value == null) {
            throw refused("a pickle that recalls what it never stored");
        }
        return value;
    }

    /** Little-endian two's complement. */
    private long longOf(int bytes) {
        if (bytes > Long.BYTES) {
            throw refused("a number of " + bytes + " bytes");
        }
        long value = 0;
        for (int i = 0; i < bytes; i++) {
            value |= (in.get() & 0xFFL) << 8 * i;
        }
        int unused = Long.SIZE - 8 * bytes;
        return bytes == 0 ? 0 : value << unused >> unused;
    }

    private String text(int bytes) {
        if (bytes < 0 || bytes > in.remaining()) {
            throw refused("a text of " + bytes + " bytes");
        }
        String text = new String(in.array(), in.position(), bytes, StandardCharsets.UTF_8);
        in.position(in.position() + bytes);
        return text;
    }

    private String line() {
        int begin = in.position();
        while (in.get() != '\n') {
            // to the end of the line
        }
        return new String(in.array(), begin, in.position() - 1 - begin, StandardCharsets.UTF_8);
    }

    private static String shown(String text) {
        return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
    }

    private GerbilException refused(String found) {
        return new GerbilException(file + " with " + found, "a pickled dictionary of tensors, as torch.save writes a "
                + "state_dict", "save the model's state_dict alone, dense and not quantized, or ask for "
                + "model.safetensors");
    }
}
