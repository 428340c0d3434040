package gerbil.tokenizer;

/**
 * GPT-2's words in UTF-8: what its regular expression
 * {@code '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+}
 * matches, its whitespace being Unicode's as in Hugging Face's tokenizers, found by one pass over the bytes.
 */
final class Words {

    private static final byte OTHER = 0;
    private static final byte LETTER = 1;
    private static final byte NUMBER = 2;
    private static final byte SPACE = 3;

    private static final byte[] KINDS = kinds();

    private final byte[] text;
    private int end;

    /**
     * @param text well-formed UTF-8
     */
    Words(byte[] text) {
        this.text = text;
    }

    private static byte[] kinds() {
        byte[] kinds = new byte[Character.MAX_CODE_POINT + 1];
        for (int point = 0; point < kinds.length; point++) {
            kinds[point] = switch (Character.getType(point)) {
                case Character.UPPERCASE_LETTER, Character.LOWERCASE_LETTER, Character.TITLECASE_LETTER,
                     Character.MODIFIER_LETTER, Character.OTHER_LETTER -> LETTER;
                case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER -> NUMBER;
                case Character.SPACE_SEPARATOR, Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR -> SPACE;
                default -> point >= '\t' && point <= '\r' || point == '\u0085' ? SPACE : OTHER;
            };
        }
        return kinds;
    }

    /** Whether Unicode has a character as white space; there is none beyond U+FFFF. */
    static boolean isSpace(char c) {
        return KINDS[c] == SPACE;
    }

    /** Where the word that begins at {@code start} ends, which is where the next one begins. */
    int end(int start) {
        if (text[start] == '\'') {
            int contraction = contraction(start + 1);
            if (contraction > 0) {
                return start + 1 + contraction;
            }
        }
        int kind = kindAt(start);
        int next = end;
        if (kind != SPACE) {
            return endOfRun(next, kind);
        }
        if (text[start] == ' ' && next < text.length) {
            kind = kindAt(next);
            if (kind != SPACE) {
                return endOfRun(end, kind);
            }
        }
        return endOfSpace(start, next);
    }

    /** Whitespace leaves its last character to the word that follows it. */
    private int endOfSpace(int start, int second) {
        int last = start;
        int next = second;
        while (next < text.length && kindAt(next) == SPACE) {
            last = next;
            next = end;
        }
        return next == text.length || last == start ? next : last;
    }

    private int endOfRun(int from, int kind) {
        int next = from;
        while (next < text.length && kindAt(next) == kind) {
            next = end;
        }
        return next;
    }

    private int contraction(int at) {
        if (at >= text.length) {
            return 0;
        }
        byte first = text[at];
        if (first == 's' || first == 'd' || first == 'm' || first == 't') {
            return 1;
        }
        byte second = at + 1 < text.length ? text[at + 1] : 0;
        return first == 'l' && second == 'l' || (first == 'v' || first == 'r') && second == 'e' ? 2 : 0;
    }

    /** The kind of the character at {@code at}; {@link #end} is then where the next character begins. */
    private int kindAt(int at) {
        int first = text[at];
        if (first >= 0) {
            end = at + 1;
            return KINDS[first];
        }
        int point;
        if (first < (byte) 0xE0) {
            point = (first & 0x1F) << 6 | text[at + 1] & 0x3F;
            end = at + 2;
        } else if (first < (byte) 0xF0) {
            point = (first & 0xF) << 12 | (text[at + 1] & 0x3F) << 6 | text[at + 2] & 0x3F;
            end = at + 3;
        } else {
            point = (first & 7) << 18 | (text[at + 1] & 0x3F) << 12 | (text[at + 2] & 0x3F) << 6 | text[at + 3] & 0x3F;
            end = at + 4;
        }
        return KINDS[point];
    }
}
