package gerbil.notebook;

import jdk.jshell.JShell;

import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * How JJava answers some requests, mended: cells that wait behind one that failed are not run, as in other kernels, and
 * questions about code are answered by {@link CodeHelp}, from the first cell on.
 */
final class ShellRequests {

    /** As much may lie between requests that a notebook sends at once. */
    private static final int MILLISECONDS_TOGETHER = 100;
    private static final int POLLIN = 1;

    private final Object io;
    private final CodeHelp help;
    private Object connection;
    private Object lastEntered;
    private Object lastFailed;

    /** @throws NoSuchFieldException if the kernel is not made as JJava is */
    @SuppressWarnings("unchecked")
    ShellRequests(Object kernel) throws NoSuchFieldException {
        io = Reflection.get(kernel, "io");
        help = new CodeHelp((JShell) Reflection.get(kernel, "jShell"),
                Path.of(System.getProperty("gerbil.home", ""), "src", "main", "java"));
        // of code that does not compile no cell runs: JJava only asks what to put before the lines of such an error
        Object styler = Reflection.get(kernel, "errorStyler");
        Function<Object, Object> prefix = (Function<Object, Object>) Reflection.get(styler, "linePrefix");
        Reflection.set(styler, "linePrefix", (Function<Object, Object>) line -> {
            cellFailed();
            return prefix.apply(line);
        });
    }

    /**
     * To be called by what a cell runs: only then the kernel knows its connection.
     *
     * @return whether it is another cell than at the last call
     */
    boolean enter() {
        Object environment = environment();
        if (connection == null && environment != null) {
            connect(environment);
        }
        boolean other = environment != lastEntered;
        lastEntered = environment;
        return other;
    }

    @SuppressWarnings("unchecked")
    private void connect(Object environment) {
        try {
            connection = Reflection.get(Reflection.call(environment, "getShell"), "connection");
            Map<Object, Object> handlers = (Map<Object, Object>) Reflection.get(connection, "handlers");
            handlers.replaceAll((type, handler) -> switch (name(type)) {
                case "inspect_request" -> handler(handler, this::documentation);
                case "complete_request" -> handler(handler, this::completions);
                default -> handler;
            });
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What sends for the cell that runs; null if none does. */
    private Object environment() {
        try {
            return Reflection.get(Reflection.get(io, "display"), "env");
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException(e);
        }
    }

    /** To be called by the thread that reads requests, before it replies to the failed one; again does no harm. */
    void cellFailed() {
        Object environment = environment();
        if (environment == null || environment == lastFailed) {
            return;
        }
        lastFailed = environment;
        enter();
        Object request = Reflection.call(Reflection.call(environment, "getContext"), "getContent");
        if ((boolean) Reflection.call(request, "shouldStopOnError")) {
            abortWaiting(Reflection.call(environment, "getShell"));
        }
    }

    private void abortWaiting(Object shell) {
        pause();
        while (((int) Reflection.call(shell, "getEvents") & POLLIN) != 0) {
            Object message = Reflection.call(shell, "readMessage");
            Object type = Reflection.call(Reflection.call(message, "getHeader"), "getType");
            Object handler = Reflection.call(connection, "getHandler", type);
            Object environment = Reflection.call(connection, "prepareReplyEnv", shell, message);
            if (name(type).equals("execute_request")) {
                Reflection.call(environment, "setBusyDeferIdle");
                reply(environment, message, Map.of("status", "aborted"));
            } else if (handler != null) {
                Reflection.call(handler, "handle", environment, message);
            }
            Reflection.call(environment, "resolveDeferrals");
        }
    }

    private static void pause() {
        try {
            Thread.sleep(MILLISECONDS_TOGETHER);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Map<String, Object> documentation(String code, int cursor) {
        return help.documentation(code, cursor)
                .map(shown -> Map.of("status", "ok", "found", true, "data", shown.forms(), "metadata", Map.of()))
                .orElseGet(() -> Map.of("status", "ok", "found", false, "data", Map.of(), "metadata", Map.of()));
    }

    private Map<String, Object> completions(String code, int cursor) {
        CodeHelp.Completions found = help.completions(code, cursor);
        return Map.of("status", "ok", "matches", found.texts(), "metadata", Map.of(),
                "cursor_start", code.codePointCount(0, found.from()), "cursor_end", code.codePointCount(0, cursor));
    }

    /** A handler of requests about code; Jupyter counts characters where Java counts halves of some. */
    private static Object handler(Object before, BiFunction<String, Integer, Map<String, Object>> answer) {
        Class<?> type = before.getClass().getInterfaces()[0];
        return Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
            Object request = Reflection.call(arguments[1], "getContent");
            String code = (String) Reflection.call(request, "getCode");
            int cursor = code.offsetByCodePoints(0, (int) Reflection.call(request, "getCursorPos"));
            Reflection.call(arguments[0], "setBusyDeferIdle");
            reply(arguments[0], arguments[1], answer.apply(code, cursor));
            return null;
        });
    }

    private static void reply(Object environment, Object request, Map<String, Object> content) {
        Object type = Reflection.call(Reflection.call(request, "getContent"), "getReplyType");
        Reflection.call(environment, "reply", Reflection.make(request.getClass(), request, type, content));
    }

    private static String name(Object messageType) {
        return (String) Reflection.call(messageType, "getName");
    }
}
