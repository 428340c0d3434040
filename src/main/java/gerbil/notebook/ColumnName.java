package gerbil.notebook;

import java.util.Locale;

/** Names of record components and columns as a reader wants to see them. */
final class ColumnName {

    private ColumnName() {
    }

    /**
     * {@code bitsPerByte} and {@code bits_per_byte} are "bits per byte", {@code memoryMiB} is "memory (MiB)"; what is
     * in words already stays.
     */
    static String words(String name) {
        if (name.endsWith("MiB")) {
            return words(name.substring(0, name.length() - 3)) + " (MiB)";
        }
        String words = name.replaceAll("(?<=[a-z0-9])(?=[A-Z])|_", " ");
        return words.equals(name) || name.contains(" ") ? name : words.toLowerCase(Locale.ROOT);
    }
}
