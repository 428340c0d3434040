package gerbil.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.spec.Precision;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** NVIDIA's compiler, which needs no GPU, makes the kernels of the published sizes for each kind of card. */
@EnabledIfEnvironmentVariable(named = "GERBIL_NVRTC", matches = ".+")
class NvrtcTest {

    /** Of a multiprocessor. */
    private static final int REGISTERS = 65_536;
    /** Bytes of a thread that may be in memory for want of a register: a few of those that it holds for long. */
    private static final int SPILLED = 64;
    private static final Pattern FUNCTION = Pattern.compile("Function properties for (\\w+)\\s+ptxas[ .]+"
            + "\\d+ bytes stack frame, (\\d+) bytes spill stores, \\d+ bytes spill loads\\s+"
            + "ptxas info +: Used (\\d+) registers");

    @TempDir
    private Path folder;

    private static GptJConfig config(String size) {
        return ModelSize.of(size).config(Objective.CAUSAL);
    }

    private static Stream<Kernel> kernels(StepKernels kernels) {
        return Stream.of(StepKernels.class.getRecordComponents()).filter(c -> c.getType() == Kernel.class)
                .map(component -> (Kernel) value(component, kernels)).filter(kernel -> kernel != null);
    }

    private static Object value(RecordComponent component, StepKernels kernels) {
        try {
            component.getAccessor().setAccessible(true);
            return component.getAccessor().invoke(kernels);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Bytes of shared memory that a block may have, of each card's CUDA documentation. */
    @ParameterizedTest
    @CsvSource({"75, FLOAT16, 65536", "80, BFLOAT16, 166912", "86, BFLOAT16, 101376", "89, FLOAT16, 101376",
        "90, BFLOAT16, 232448"})
    void registersAndSharedMemoryAreWithinTheCards(int capability, Precision precision, int sharedBytes) {
        Nvrtc nvrtc = new Nvrtc(folder);
        Map<Kernel.Source, String> logs = new LinkedHashMap<>();
        for (String size : new String[] {"3.3m", "6.7m", "15m", "32m"}) {
            kernels(StepKernels.of(config(size), 512, precision, sharedBytes)).forEach(kernel -> {
                String log = logs.computeIfAbsent(kernel.source(), source -> nvrtc.compile(source, capability).log());
                MatchResult function = FUNCTION.matcher(log).results().filter(f -> f.group(1).equals(kernel.name()))
                        .findFirst().orElseThrow(() -> new AssertionError(log));
                int registers = Integer.parseInt(function.group(3));
                int blocks = kernel.source().constants().getOrDefault("BLOCKS", 1);
                assertTrue(registers * kernel.threads() * blocks <= REGISTERS, kernel + ": " + registers);
                assertTrue(Integer.parseInt(function.group(2)) <= SPILLED, kernel + ": " + log);
                assertTrue(kernel.sharedBytes() <= sharedBytes, kernel.toString());
            });
        }
    }

    @Test
    void whatWasCompiledIsKept() throws Exception {
        Nvrtc nvrtc = new Nvrtc(folder);
        Kernel.Source source = StepKernels.of(config("3.3m"), 512, Precision.FLOAT16, 65_536).gelu().source();
        byte[] code = nvrtc.code(source, 75);
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(1, files.count());
        }
        assertArrayEquals(code, nvrtc.code(source, 75));
        nvrtc.code(source, 86);
        try (Stream<Path> files = Files.list(folder)) {
            assertEquals(2, files.count());
        }
    }
}
