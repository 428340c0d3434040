package gerbil.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.Function;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Runs kernels on the processor, compiled by g++ together with {@code emulator.h}. */
public final class Emulator implements KernelRunner {

    private static final Path HEADER = Path.of("src/test/resources/cuda");
    private static final Path FOLDER = Path.of("target/emulated");
    private static final Map<Kernel, Function> COMPILED = new HashMap<>();

    private final int sharedBytes;

    /** A card with some bytes of shared memory for a block. */
    public Emulator(int sharedBytes) {
        this.sharedBytes = sharedBytes;
        assumeTrue(run(List.of("g++", "--version")) == 0, "no g++, with which kernels are tested without a GPU");
    }

    @Override
    public int sharedBytes() {
        return sharedBytes;
    }

    @Override
    public Launch load(Kernel kernel) {
        Function function = COMPILED.computeIfAbsent(kernel, Emulator::compile);
        return (x, y, arguments) -> function.invokeVoid(new Object[] {x, y, kernel.threads(), kernel.sharedBytes(),
                arguments});
    }

    private static Function compile(Kernel kernel) {
        try {
            Files.createDirectories(FOLDER);
            Path source = FOLDER.resolve(kernel.name() + COMPILED.size() + ".cpp");
            Path library = FOLDER.resolve(kernel.name() + COMPILED.size() + ".so").toAbsolutePath();
            Files.writeString(source, "#include \"emulator.h\"\n" + kernel.source().text()
                    + "extern \"C\" void emulate(int x, int y, int threads, int bytes, void** arguments) {\n"
                    + "  launch(" + kernel.name() + ", x, y, threads, bytes, arguments);\n}\n");
            List<String> command = new ArrayList<>(List.of("g++", "-O2", "-shared", "-fPIC", "-Wl,-Bsymbolic",
                    "-std=c++17", "-w", "-I" + HEADER, source.toString(), "-o", library.toString()));
            kernel.source().constants().forEach((name, value) -> command.add("-D" + name + "=" + value));
            assertEquals(0, run(command), () -> String.join(" ", command));
            return NativeLibrary.getInstance(library.toString()).getFunction("emulate");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int run(List<String> command) {
        try {
            Process process = new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.INHERIT).start();
            return process.waitFor(5, TimeUnit.MINUTES) ? process.exitValue() : -1;
        } catch (IOException e) {
            return -1;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
