package gerbil.hub;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.fasterxml.jackson.databind.JsonNode;
import com.sun.management.OperatingSystemMXBean;
import gerbil.base.GerbilException;
import gerbil.base.JsonFile;
import gerbil.model.Devices;
import gerbil.model.GptJ;
import gerbil.model.GptJTensors;
import gerbil.spec.GptJConfig;
import gerbil.tokenizer.Vocabulary;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Reads a folder of transformers' {@code GPTJForCausalLM}, such as a published Gerbil: {@code model.safetensors} or
 * {@code pytorch_model.bin}, either whole or in shards with an index, in float32, float16, bfloat16 or float64, which
 * all become float32. Everything is checked before the memory for a tensor is taken.
 */
public final class Import {

    private static final String CONFIG = "config.json";
    /** Causal masks and rotary tables that older versions of transformers saved beside the weights. */
    private static final Pattern BUFFER =
            Pattern.compile("transformer\\.h\\.\\d+\\.attn\\.(bias|masked_bias|embed_positions)");
    private static final String INDEX = ".index.json";
    private static final List<String> WEIGHTS = List.of("model.safetensors", "pytorch_model.bin");
    /** As it is in the file, in float32, and as the model's own. */
    private static final int COPIES = 3;
    private static final Set<DataType> FLOATS =
            Set.of(DataType.FLOAT32, DataType.FLOAT16, DataType.BFLOAT16, DataType.FLOAT64);

    private Import() {
    }

    /** Whether a folder says that it holds a model of transformers. */
    public static boolean isFolder(Path folder) {
        return Files.isRegularFile(folder.resolve(CONFIG));
    }

    /**
     * The model with its tokenizer.
     *
     * @throws GerbilException if a file is missing or damaged, the architecture or the tokenizer is another, or tensors
     *     are missing, unknown or of another shape, naming all of them
     * @throws IOException if a file cannot be read
     */
    public static LanguageModel open(Path folder) throws IOException {
        JsonNode config = config(folder);
        GptJConfig architecture = TransformersConfig.read(config, folder.resolve(CONFIG));
        Vocabulary vocabulary = TransformersTokenizer.read(folder, config);
        return new LanguageModel(model(folder, architecture, NDManager.newBaseManager(Devices.of(architecture))),
                vocabulary);
    }

    static JsonNode config(Path folder) throws IOException {
        if (!isFolder(folder)) {
            throw new GerbilException("no " + CONFIG + " in " + folder, "a folder that transformers saved a model in",
                    "name the folder that holds " + CONFIG);
        }
        return JsonFile.object(folder.resolve(CONFIG));
    }

    static GptJ model(Path folder, GptJConfig config, NDManager parent) throws IOException {
        requireMemory(folder, config);
        Map<String, WeightFile> weights = weights(folder);
        weights.keySet().removeIf(name -> BUFFER.matcher(name).matches());
        requireTensors(folder, config, weights);
        try (NDManager scratch = parent.newSubManager()) {
            Map<String, NDArray> arrays = new LinkedHashMap<>();
            for (WeightFile file : Set.copyOf(weights.values())) {
                Set<String> names = new TreeSet<>(file.tensors().keySet());
                names.retainAll(weights.keySet());
                arrays.putAll(file.read(scratch, names));
            }
            arrays.replaceAll((name, array) -> array.toType(DataType.FLOAT32, false));
            if (config.tied()) {
                requireTied(folder, arrays);
            }
            return GptJ.of(config, parent, arrays);
        }
    }

    private static void requireMemory(Path folder, GptJConfig config) {
        long memory = ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getTotalMemorySize();
        if (COPIES * Float.BYTES * config.parameters() > memory) {
            throw new GerbilException(folder + ", a model of " + config.parameters() + " parameters, of which "
                    + COPIES + " copies are in memory while it is read", "at most the " + memory
                    + " bytes of this machine's memory", "choose a smaller model, or a larger machine");
        }
    }

    /** PyTorch's own files hold a tied matrix by both its names. */
    private static void requireTied(Path folder, Map<String, NDArray> arrays) {
        NDArray head = arrays.remove(GptJTensors.HEAD_WEIGHT);
        if (head != null && !head.contentEquals(arrays.get(GptJTensors.EMBEDDING))) {
            throw new GerbilException("weights in " + folder + " in which " + GptJTensors.HEAD_WEIGHT
                    + " is another matrix than " + GptJTensors.EMBEDDING, "one matrix, as " + CONFIG + " says",
                    "set tie_word_embeddings to false in " + CONFIG);
        }
    }

    /** Each tensor's file. */
    private static Map<String, WeightFile> weights(Path folder) throws IOException {
        for (String name : WEIGHTS) {
            if (Files.exists(folder.resolve(name))) {
                Map<String, WeightFile> tensors = new LinkedHashMap<>();
                WeightFile file = WeightFile.open(folder.resolve(name));
                file.tensors().keySet().forEach(tensor -> tensors.put(tensor, file));
                return tensors;
            }
            if (Files.exists(folder.resolve(name + INDEX))) {
                return shards(folder, folder.resolve(name + INDEX));
            }
        }
        throw new GerbilException("no weights in " + folder, "one of " + WEIGHTS + ", or its shards with their index",
                "put the weights beside " + CONFIG);
    }

    private static Map<String, WeightFile> shards(Path folder, Path index) throws IOException {
        Map<String, WeightFile> files = new LinkedHashMap<>();
        Map<String, WeightFile> tensors = new LinkedHashMap<>();
        List<String> wrong = new ArrayList<>();
        for (Map.Entry<String, JsonNode> place : JsonFile.object(index).path("weight_map").properties()) {
            String name = place.getValue().asText();
            if (!name.matches("[\\w.-]+\\.(safetensors|bin)") || !Files.isRegularFile(folder.resolve(name))) {
                wrong.add(place.getKey() + " in '" + name + "', which is not a file beside it");
                continue;
            }
            if (!files.containsKey(name)) {
                files.put(name, WeightFile.open(folder.resolve(name)));
            }
            if (!files.get(name).tensors().containsKey(place.getKey())) {
                wrong.add(place.getKey() + " in " + name + ", which does not hold it");
            }
            tensors.put(place.getKey(), files.get(name));
        }
        if (!wrong.isEmpty() || tensors.isEmpty()) {
            throw new GerbilException(index + " with " + (tensors.isEmpty() && wrong.isEmpty() ? "no weight_map"
                    : String.join(", ", wrong)), "each tensor in a file of the same folder", "take the whole folder");
        }
        return tensors;
    }

    private static void requireTensors(Path folder, GptJConfig config, Map<String, WeightFile> weights) {
        List<String> wrong = new ArrayList<>();
        Map<String, Shape> expected = GptJTensors.of(config);
        if (config.tied() && weights.containsKey(GptJTensors.HEAD_WEIGHT)) {
            expected.put(GptJTensors.HEAD_WEIGHT, expected.get(GptJTensors.EMBEDDING));
        }
        expected.forEach((name, shape) -> {
            if (!weights.containsKey(name)) {
                wrong.add(name + " is missing");
                return;
            }
            WeightFile.Kind found = weights.get(name).tensors().get(name);
            if (!found.shape().equals(shape)) {
                wrong.add(name + " has shape " + found.shape() + ", not " + shape);
            } else if (!FLOATS.contains(found.type())) {
                wrong.add(name + " is of type " + found.type());
            }
        });
        weights.keySet().stream().filter(name -> !expected.containsKey(name))
                .forEach(name -> wrong.add(name + " is unknown"));
        if (!wrong.isEmpty()) {
            throw new GerbilException("weights in " + folder + " in which " + String.join(", ", wrong),
                    "the " + expected.size() + " tensors of GPT-J as " + CONFIG + " describes it",
                    "take the weights and the " + CONFIG + " of one model");
        }
    }
}
