package gerbil.train;

import ai.djl.Device;
import ai.djl.util.cuda.CudaUtils;
import gerbil.model.Devices;
import gerbil.spec.GptJConfig;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The machine that this process runs on. */
public final class Hardware {

    private static final Path PROCESS_STATUS = Path.of("/proc/self/status");
    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    private Hardware() {
    }

    /**
     * What a model is computed on: "cpu (AMD EPYC)", or "NVIDIA GeForce RTX 3060, 12 GB, driver 580.82.07, CUDA 12.6,
     * compute 8.6".
     */
    public static String device(GptJConfig config) {
        return device(Devices.of(config));
    }

    /** The engine's own device, in the same words. */
    public static String device() {
        return device(Devices.engine().defaultDevice());
    }

    private static String device(Device device) {
        if (!device.isGpu()) {
            return "cpu (" + line(PROCESSORS, "model name").orElse(System.getProperty("os.arch")) + ")";
        }
        int cuda = CudaUtils.getCudaVersion();
        return card().map(NvidiaSmi.Card::toString).orElse("gpu") + ", CUDA " + cuda / 1000 + "." + cuda % 1000 / 10
                + ", compute " + capability();
    }

    private static Optional<NvidiaSmi.Card> card() {
        return NvidiaSmi.card(capability(), Objects.requireNonNullElse(System.getenv("CUDA_VISIBLE_DEVICES"), ""));
    }

    /** The GPU's compute capability: "8.6". */
    private static String capability() {
        return CudaUtils.getComputeCapability(0).replaceFirst("(?=.$)", ".");
    }

    /** What to know before a model is computed here, a sentence: why not on the GPU, or who computes there too. */
    public static Optional<String> note(GptJConfig config) {
        if (Devices.leavesGpu(config)) {
            return Optional.of("models this small are computed on the processor: on a GPU their steps would wait for "
                    + "the launch of each kernel");
        }
        return !Devices.of(config).isGpu() ? Optional.empty() : card().map(NvidiaSmi.Card::users)
                .filter(others -> !others.isEmpty()).map(others -> "the GPU's memory and time are shared: "
                        + others.stream().map(NvidiaSmi.User::toString).collect(Collectors.joining(", ")));
    }

    /** How much of a GPU's memory is free and who holds the rest, to end a sentence with; nothing without a GPU. */
    static String room(GptJConfig config) {
        return Devices.of(config).isGpu()
                ? card().map(card -> ": " + card.room(ProcessHandle.current().pid())).orElse("") : "";
    }

    /**
     * Bytes of a GPU's memory that this process has taken: the most since a step last had too little, as PyTorch gives
     * none back. Where the driver does not name the process, as in a container, those of all processes. Null if that is
     * not known, or the model is computed on the processor.
     */
    static Long deviceMemory(GptJConfig config) {
        OptionalLong used = Devices.of(config).isGpu()
                ? card().map(card -> card.usedBy(ProcessHandle.current().pid())).orElse(OptionalLong.empty())
                : OptionalLong.empty();
        return used.isPresent() ? used.getAsLong() << 20 : null;
    }

    /** The most that this process has taken so far of the memory that a model is in, in bytes; empty if not known. */
    static OptionalLong peakMemory(GptJConfig config) {
        Long device = deviceMemory(config);
        return device == null ? residentMemory() : OptionalLong.of(device);
    }

    /**
     * Whether the processor has instructions for products of bfloat16 numbers; false where the system does not tell.
     */
    static boolean multipliesBfloat16() {
        return line(PROCESSORS, "flags").filter(f -> f.contains("avx512_bf16") || f.contains("amx_bf16")).isPresent();
    }

    private static OptionalLong residentMemory() {
        return line(PROCESS_STATUS, "VmHWM").map(value -> OptionalLong.of(1024 * Long.parseLong(value.split(" ")[0])))
                .orElse(OptionalLong.empty());
    }

    private static Optional<String> line(Path file, String key) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.filter(l -> l.startsWith(key)).map(l -> l.substring(l.indexOf(':') + 1).strip()).findFirst();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
