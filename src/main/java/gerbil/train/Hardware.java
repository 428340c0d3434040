package gerbil.train;

import ai.djl.Device;
import ai.djl.engine.Engine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** The machine that this process runs on. */
public final class Hardware {

    private static final Path PROCESS_STATUS = Path.of("/proc/self/status");
    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    private Hardware() {
    }

    /** "cpu (AMD EPYC)", "gpu0". */
    public static String device() {
        Device device = Engine.getInstance().defaultDevice();
        if (device.isGpu()) {
            return device.toString();
        }
        return "cpu (" + line(PROCESSORS, "model name").orElse(System.getProperty("os.arch")) + ")";
    }

    /** Threads of the engine's operators. */
    public static int threads() {
        return Integer.getInteger("ai.djl.pytorch.num_threads", Runtime.getRuntime().availableProcessors());
    }

    /**
     * Whether the processor has instructions for products of bfloat16 numbers; false where the system does not tell.
     */
    static boolean multipliesBfloat16() {
        return line(PROCESSORS, "flags").filter(f -> f.contains("avx512_bf16") || f.contains("amx_bf16")).isPresent();
    }

    /** Largest resident memory of this process so far, in bytes; empty where the system does not tell. */
    public static OptionalLong peakMemory() {
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
