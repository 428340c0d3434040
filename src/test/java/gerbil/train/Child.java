package gerbil.train;

import gerbil.model.Devices;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Processes: Java ones with this one's class path, and others. */
public final class Child {

    private Child() {
    }

    /**
     * Starts a class's main method; its error stream goes to this process's. The engine has as many threads as here,
     * since rounding depends on them, unless the options say otherwise.
     */
    public static Process start(List<String> jvmOptions, Class<?> main, String... arguments) throws IOException {
        return start(List.of(), jvmOptions, main, arguments);
    }

    /** The same under another command, such as one that limits it. */
    static Process start(List<String> prefix, List<String> jvmOptions, Class<?> main, String... arguments)
            throws IOException {
        List<String> command = new ArrayList<>(prefix);
        command.add(ProcessHandle.current().info().command().orElseThrow());
        command.addAll(List.of("-Dai.djl.pytorch.num_threads=" + Devices.threads(),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                "-cp", System.getProperty("java.class.path")));
        command.addAll(jvmOptions);
        command.add(main.getName());
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    /** Whether a program of the machine's, such as mount, is there and did what it was asked. */
    public static boolean succeeds(String... command) throws InterruptedException {
        try {
            return new ProcessBuilder(command).redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start().waitFor() == 0;
        } catch (IOException e) {
            return false;
        }
    }
}
