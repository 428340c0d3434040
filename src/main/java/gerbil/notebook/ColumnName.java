package gerbil.notebook;

import java.util.Locale;

/** Names of record components and columns as a reader wants to see them. */
final class ColumnName {

    private ColumnName() {
    }

    /** {@code bitsPerByte} and {@code bits_per_byte} are "bits per byte"; what is in words already stays. */
    static String words(String name) {
        String words = name.replaceAll("(?<=[a-z0-9])(?=[A-Z])|_", " ");
        return words.equals(name) || name.contains(" ") ? name : words.toLowerCase(Locale.ROOT);
    }
}
