package gerbil.notebook;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
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

    /** Sends for the cells: a cell's own thread may be interrupted, and then the kernel's sockets fail. */
    private static final ExecutorService MESSAGES = Executors.newSingleThreadExecutor(work -> {
        Thread thread = new Thread(work, "gerbil-messages");
        thread.setDaemon(true);
        return thread;
    });

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
     * From now on what a cell throws is reported as what the function makes of it. Kernels have no entrance for this,
     * so it is put where JJava keeps its executor; a kernel that keeps it elsewhere goes on reporting in its own way.
     */
    void onFailure(UnaryOperator<Throwable> failure) {
        try {
            Object evaluator = field(kernel, "evaluator").get(kernel);
            Object control = field(evaluator, "execControl").get(evaluator);
            Field executor = field(control, "executor");
            executor.set(control, new CellExecutor((ExecutorService) executor.get(control), failure));
        } catch (NoSuchFieldException e) {
            // IJava and early JJava
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Field field(Object owner, String name) throws NoSuchFieldException {
        Field field = owner.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }

    /** An interrupt of the cell waits until the message is out. */
    private static Object invoke(Method method, Object... arguments) {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return method.invoke(null, arguments);
            } catch (InvocationTargetException e) {
                throw new IllegalStateException("the kernel could not display", e.getCause());
            } catch (IllegalAccessException e) {
                throw new IllegalStateException("the kernel offers another interface than expected", e);
            }
        }, MESSAGES).join();
    }
}
