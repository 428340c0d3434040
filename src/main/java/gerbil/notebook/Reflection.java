package gerbil.notebook;

import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Fields and methods by name, of a kernel's classes: the library must compile and run without them. */
final class Reflection {

    private Reflection() {
    }

    /** @throws NoSuchFieldException if neither the object's class nor one above it declares such a field */
    static Object get(Object owner, String field) throws NoSuchFieldException {
        try {
            return field(owner.getClass(), field).get(owner);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    /** @throws NoSuchFieldException as {@link #get} */
    static void set(Object owner, String field, Object value) throws NoSuchFieldException {
        try {
            field(owner.getClass(), field).set(owner, value);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Field field(Class<?> type, String name) throws NoSuchFieldException {
        for (Class<?> owner = type; owner != null; owner = owner.getSuperclass()) {
            for (Field field : owner.getDeclaredFields()) {
                if (field.getName().equals(name)) {
                    field.setAccessible(true);
                    return field;
                }
            }
        }
        throw new NoSuchFieldException(type.getName() + "." + name);
    }

    /** Calls the public method that has the name and takes the arguments, none of which is primitive. */
    static Object call(Object owner, String method, Object... arguments) {
        return invoke(fitting(owner.getClass().getMethods(), method, arguments), owner, arguments);
    }

    static Object invoke(Method method, Object owner, Object... arguments) {
        return checked(() -> {
            method.setAccessible(true);
            return method.invoke(owner, arguments);
        });
    }

    /** Calls the public constructor that takes the arguments, none of which is primitive. */
    static Object make(Class<?> type, Object... arguments) {
        return checked(() -> fitting(type.getConstructors(), type.getName(), arguments).newInstance(arguments));
    }

    private static <E extends Executable> E fitting(E[] executables, String name, Object... arguments) {
        return Stream.of(executables).filter(executable -> executable.getName().equals(name)
                && takes(executable.getParameterTypes(), arguments)).findFirst().orElseThrow();
    }

    private static boolean takes(Class<?>[] types, Object... arguments) {
        return types.length == arguments.length
                && IntStream.range(0, types.length).allMatch(i -> types[i].isInstance(arguments[i]));
    }

    private static Object checked(Callable<Object> call) {
        try {
            return call.call();
        } catch (InvocationTargetException e) {
            throw new IllegalStateException("the kernel failed", e.getCause());
        } catch (Exception e) {
            throw new IllegalStateException("the kernel offers another interface than expected", e);
        }
    }
}
