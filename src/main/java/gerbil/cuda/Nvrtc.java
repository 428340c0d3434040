package gerbil.cuda;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.IntByReference;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import gerbil.base.Folders;
import gerbil.base.Sha256;
import gerbil.base.WholeFile;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * NVIDIA's compiler of CUDA C at run time, which PyTorch's CUDA build brings. It needs no GPU. What it has compiled is
 * kept in a folder, by a hash of source, options and compiler.
 */
final class Nvrtc {

    static final String LIBRARY = "libnvrtc.so.12";

    private final NvrtcLibrary library;
    private final Path folder;

    /**
     * @param folder to keep what is compiled
     * @throws UnsatisfiedLinkError if there is no such library
     */
    Nvrtc(Path folder) {
        this.folder = folder;
        library = Native.load(LIBRARY, NvrtcLibrary.class);
    }

    /**
     * @param code for a card
     * @param log what the compiler says of registers and memory
     */
    record Compiled(byte[] code, String log) {
    }

    /**
     * Machine code of a source, from the folder if it is there.
     *
     * @param capability compute capability of the card, such as 86 for 8.6
     */
    byte[] code(Kernel.Source source, int capability) {
        IntByReference major = new IntByReference();
        IntByReference minor = new IntByReference();
        check(library.nvrtcVersion(major, minor));
        String key = Sha256.hex((source.text() + options(source, capability) + major.getValue() + "."
                + minor.getValue()).getBytes(StandardCharsets.UTF_8));
        Path file = folder.resolve(source.file() + "-" + key.substring(0, 16));
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            byte[] code = compile(source, capability).code;
            keep(file, code);
            return code;
        }
    }

    private void keep(Path file, byte[] code) {
        try {
            Folders.create(folder);
            WholeFile.write(file, path -> Files.write(path, code));
        } catch (IOException e) {
            // then the next start takes some seconds to compile it
        }
    }

    private static List<String> options(Kernel.Source source, int capability) {
        return Stream.concat(Stream.of("-arch=sm_" + capability, "-std=c++17", "-Xptxas=-v"),
                source.constants().entrySet().stream().map(c -> "-D" + c.getKey() + "=" + c.getValue())).toList();
    }

    Compiled compile(Kernel.Source source, int capability) {
        PointerByReference program = new PointerByReference();
        check(library.nvrtcCreateProgram(program, source.text(), source.file(), 0, null, null));
        try {
            List<String> options = options(source, capability);
            int status = library.nvrtcCompileProgram(program.getValue(), options.size(),
                    options.toArray(String[]::new));
            LongByReference size = new LongByReference();
            check(library.nvrtcGetProgramLogSize(program.getValue(), size));
            Memory log = new Memory(size.getValue());
            check(library.nvrtcGetProgramLog(program.getValue(), log));
            if (status != 0) {
                throw new IllegalStateException(source.file() + " with " + options + ": " + log.getString(0));
            }
            check(library.nvrtcGetCUBINSize(program.getValue(), size));
            Memory code = new Memory(size.getValue());
            check(library.nvrtcGetCUBIN(program.getValue(), code));
            return new Compiled(code.getByteArray(0, Math.toIntExact(code.size())), log.getString(0));
        } finally {
            library.nvrtcDestroyProgram(program);
        }
    }

    private void check(int status) {
        if (status != 0) {
            throw new IllegalStateException("NVRTC: " + library.nvrtcGetErrorString(status));
        }
    }

    private interface NvrtcLibrary extends Library {

        int nvrtcVersion(IntByReference major, IntByReference minor);

        int nvrtcCreateProgram(PointerByReference program, String source, String name, int headers, Pointer sources,
                               Pointer names);

        int nvrtcCompileProgram(Pointer program, int count, String[] options);

        int nvrtcGetProgramLogSize(Pointer program, LongByReference size);

        int nvrtcGetProgramLog(Pointer program, Pointer log);

        int nvrtcGetCUBINSize(Pointer program, LongByReference size);

        int nvrtcGetCUBIN(Pointer program, Pointer code);

        int nvrtcDestroyProgram(PointerByReference program);

        String nvrtcGetErrorString(int status);
    }
}
