package gerbil.notebook;

import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * The Jupyter kernel that this JVM is, if it is one: JJava, or IJava, which it continues. Both are reached by
 * reflection, since they differ in little but package names and the library must compile and run without either.
 */
final class Kernel {

    /** Where one kernel keeps what is used here. */
    private enum Dialect {
        JJAVA("org.dflib.jjava.jupyter.kernel.display.", "org.dflib.jjava.kernel.JavaNotebookStatics", "kernel",
                "org.dflib.jjava.jupyter.kernel.BaseNotebookStatics"),
        EARLY_JJAVA("org.dflib.jjava.jupyter.kernel.display.", "org.dflib.jjava.runtime.Kernel", "getKernelInstance",
                "org.dflib.jjava.runtime.Display"),
        IJAVA("io.github.spencerpark.jupyter.kernel.display.", "io.github.spencerpark.ijava.runtime.Kernel",
                "getKernelInstance", "io.github.spencerpark.ijava.runtime.Display");

        private final String displayPackage;
        private final String instanceClass;
        private final String instanceMethod;
        private final String displayClass;

        Dialect(String displayPackage, String instanceClass, String instanceMethod, String displayClass) {
            this.displayPackage = displayPackage;
            this.instanceClass = instanceClass;
            this.instanceMethod = instanceMethod;
            this.displayClass = displayClass;
        }
    }

    private static final Optional<Kernel> RUNNING = find();

    private static final MessageThread MESSAGES = new MessageThread();

    private final Object kernel;
    private final Object renderer;
    private final Class<?> renderFunction;
    private final Method putData;
    private final Method display;
    private final Method updateDisplay;

    private Kernel(Dialect dialect) throws ReflectiveOperationException {
        kernel = Class.forName(dialect.instanceClass).getMethod(dialect.instanceMethod).invoke(null);
        renderer = kernel.getClass().getMethod("getRenderer").invoke(kernel);
        renderFunction = Class.forName(dialect.displayPackage + "RenderFunction");
        putData = Class.forName(dialect.displayPackage + "DisplayData")
                .getMethod("putData", String.class, Object.class);
        Class<?> statics = Class.forName(dialect.displayClass);
        display = statics.getMethod("display", Object.class);
        updateDisplay = statics.getMethod("updateDisplay", String.class, Object.class);
    }

    /** The kernel that runs this JVM; empty in a plain program or a test. */
    static Optional<Kernel> running() {
        return RUNNING;
    }

    private static Optional<Kernel> find() {
        for (Dialect dialect : Dialect.values()) {
            try {
                return Optional.of(new Kernel(dialect));
            } catch (ClassNotFoundException e) {
                // not this kernel
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("the " + dialect + " kernel offers another interface than expected", e);
            }
        }
        return Optional.empty();
    }

    /** From now on objects of the type appear as their bundle. */
    <T> void render(Class<T> type, Function<T, MimeBundle> bundle) {
        Object function = Proxy.newProxyInstance(renderFunction.getClassLoader(), new Class<?>[] {renderFunction},
                (proxy, method, arguments) -> {
                    Object context = arguments[1];
                    Object output = context.getClass().getMethod("getOutputContainer").invoke(context);
                    for (Map.Entry<String, Object> form : bundle.apply(type.cast(arguments[0])).forms().entrySet()) {
                        putData.invoke(output, form.getKey(), form.getValue());
                    }
                    return null;
                });
        try {
            Method create = renderer.getClass().getMethod("createRegistration", Class.class);
            Object registration = create.invoke(renderer, type);
            registration.getClass().getMethod("register", renderFunction).invoke(registration, function);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("the kernel refused to render " + type.getSimpleName(), e);
        }
    }

    /** Shows the object below the running cell. @return the display's id, for {@link #update} */
    String display(Object shown) {
        return (String) invoke(display, shown);
    }

    /** Puts the object in the place of what the display showed. */
    void update(String displayId, Object shown) {
        invoke(updateDisplay, displayId, shown);
    }

    /**
     * From now on cells are run as {@link CellExecutor} says, what they print arrives as {@link CellOutput} says, and
     * requests are answered as {@link ShellRequests} says. Kernels have no entrance for this, so it is put where JJava
     * keeps its own; a kernel that keeps it elsewhere goes on in its own way.
     *
     * @param failure what to report of what a cell threw
     */
    void takeOver(UnaryOperator<Throwable> failure) {
        try {
            Object control = Reflection.get(Reflection.get(kernel, "evaluator"), "execControl");
            ExecutorService executor = (ExecutorService) Reflection.get(control, "executor");
            Object io = Reflection.get(kernel, "io");
            CellOutput output = new CellOutput(MESSAGES);
            replaceStream(io, "out", output.inPlaceOf(stream(io, "jupyterOut"), CellExecutor::isInterrupted));
            // what is logged while an interrupted training writes its checkpoint must not end it
            replaceStream(io, "err", output.inPlaceOf(stream(io, "jupyterErr"), CellExecutor::isLeft));
            flushBeforeRendering(output);
            // a notebook saves it: with the running JDK's it changes whenever it is opened on another machine
            Reflection.set(Reflection.get(kernel, "languageInfo"), "version", "17");
            Reflection.set(control, "executor",
                    new CellExecutor(executor, attendant(failure, output, new ShellRequests(kernel))));
        } catch (NoSuchFieldException e) {
            // IJava and early JJava
        }
    }

    private static CellExecutor.Attendant attendant(UnaryOperator<Throwable> failure, CellOutput output,
                                                    ShellRequests requests) {
        return new CellExecutor.Attendant() {
            @Override
            public void begins() {
                if (requests.enter()) {
                    output.startCell();
                }
            }

            @Override
            public Throwable reported(Throwable thrown) {
                return failure.apply(thrown);
            }

            @Override
            public void ends() {
                output.flush();
            }

            @Override
            public void failed() {
                requests.cellFailed();
            }
        };
    }

    private static OutputStream stream(Object io, String field) throws NoSuchFieldException {
        return (OutputStream) Reflection.get(io, field);
    }

    private static void replaceStream(Object io, String field, OutputStream stream) throws NoSuchFieldException {
        Reflection.set(io, field, new PrintStream(stream, true, StandardCharsets.UTF_8));
    }

    /** What is displayed stands below what was printed before it: the renderer is asked first, whoever displays. */
    private void flushBeforeRendering(CellOutput output) throws NoSuchFieldException {
        Reflection.set(renderer, "renderFunctions",
                new HashMap<Object, Object>((Map<?, ?>) Reflection.get(renderer, "renderFunctions")) {
                    @Override
                    public Object get(Object type) {
                        output.flush();
                        return super.get(type);
                    }
                });
    }

    /** An interrupt of the cell waits until the message is out. */
    private static Object invoke(Method method, Object... arguments) {
        return MESSAGES.run(() -> Reflection.invoke(method, null, arguments));
    }
}
