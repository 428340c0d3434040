package gerbil.eval;

import java.util.Locale;

/** Strings as Python's {@code str} counts and trims them: lm-evaluation-harness's definitions rest on it. */
final class PythonText {

    private PythonText() {
    }

    /** {@code str.isspace} of one character, which is also what {@code \s} of Python's {@code re} matches. */
    private static boolean isSpace(char c) {
        return c >= '\t' && c <= '\r' || c >= '\u001C' && c <= ' ' || c == '\u0085' || Character.isSpaceChar(c);
    }

    /** Where the whitespace at the end begins. */
    static int endOfText(String text) {
        int end = text.length();
        while (end > 0 && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return end;
    }

    /** {@code str.strip()}. */
    static String strip(String text) {
        int end = endOfText(text);
        int begin = 0;
        while (begin < end && isSpace(text.charAt(begin))) {
            begin++;
        }
        return text.substring(begin, end);
    }

    /** {@code str.capitalize()}: all but the first letter becomes small. */
    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = Character.charCount(text.codePointAt(0));
        return Character.toString(Character.toTitleCase(text.codePointAt(0)))
                + text.substring(first).toLowerCase(Locale.ROOT);
    }

    /** {@code len(text)}. */
    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** {@code len(re.split(r"\s+", text))}: one more than there are stretches of whitespace. */
    static int words(String text) {
        int words = 1;
        for (int i = 0; i < text.length(); i++) {
            if (isSpace(text.charAt(i)) && (i == 0 || !isSpace(text.charAt(i - 1)))) {
                words++;
            }
        }
        return words;
    }
}
