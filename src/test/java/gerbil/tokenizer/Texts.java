package gerbil.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Texts that tokenizers tend to disagree on, and plain ones. */
public final class Texts {

    /** All that Unicode has, the common ones more often. */
    private static final String WHITE_SPACE = " \n ".repeat(12) + "\t\n\u000b\f\r \u0085\u00a0\u1680\u2000\u2001\u2002"
            + "\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000";

    /** As they are written in text. */
    public static final List<String> TAGS = Stream.concat(Stream.of(Vocabulary.END_OF_TEXT),
            Stream.of(SpecialToken.values()).map(SpecialToken::text)).toList();

    private Texts() {
    }

    /** This repository's Java; without {@code <|endoftext|>}, which the reference reads as the token. */
    public static List<String> ownSources() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("src"))) {
            List<String> texts = new ArrayList<>();
            for (Path file : (Iterable<Path>) files.filter(f -> f.toString().endsWith(".java")).sorted()::iterator) {
                texts.add(Files.readString(file).replace(Vocabulary.END_OF_TEXT, "<eot>"));
            }
            return texts;
        }
    }

    static List<String> odd() {
        Random random = new Random(7);
        return List.of(
                "", " ", "\n", "\t\t", "   \n\n  \r\n \u00a0\u2003\u3000 x  ", " ".repeat(3_000),
                "\n".repeat(700) + "x",
                "It's what they'd said: we'll, I'M, you've, 'tis, O'REILLY'S don't",
                "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse…",
                "Größe, naïve, Ærøskøbing, İstanbul, e\u0301 gegen é, ﬁ ligature",
                "Съешь ещё этих мягких французских булок", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία",
                "هذا نص عربي، مع ١٢٣ أرقام", "זה טקסט בעברית", "यह हिन्दी में है, क्षत्रिय ४५६", "ภาษาไทยไม่มีวรรค",
                "日本語のテキストと漢字、カタカナ。１２３", "中文文本没有空格", "한국어 텍스트", "ⅷ ½ ² ٣ 𝟘 𐌀 𝒜",
                "👩‍👩‍👧‍👦 👍🏽 🇩🇪 ☕️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "\ud800", "a\udc00b", "\ude00\ud83d", "ok \ud83d",
                "\ud83d\ud83d\ude00\ude00",
                "\u0000\u0001\u007f\u0085\u00ad\u200b\u2028\u2029\ufeff\ufffd", "\u001c\u001d\u001e\u001fx",
                "1234567890 3.14159 1e-5 0xCAFE 1_000", "!!!???...---===>>><<< /* ** */ //// ````",
                "a".repeat(5_000), "ab".repeat(2_000), " the".repeat(600), "the".repeat(600), "aab".repeat(700),
                letters(random, 4_000), letters(random, 499), letters(random, 500), letters(random, 501),
                "=".repeat(2_000), "-".repeat(499) + "+".repeat(501), "💩".repeat(400));
    }

    /** Random pieces of text, tags, and white space of every kind; some pieces look like it and are none. */
    public static List<String> spaced(int texts, long seed, List<String> tags) {
        Random random = new Random(seed);
        List<String> pieces = Stream.of(List.of("word", " of", "\n\ttext", "é", "漢", "😀", "'s", "7", "{", "<",
                "<causal", "|>", "\u001c", "\u180e", "\u200b", "\u2060", "\ufeff"),
                tags).flatMap(List::stream).toList();
        return IntStream.range(0, texts)
                .mapToObj(i -> IntStream.range(0, random.nextInt(8))
                        .mapToObj(j -> space(random) + pieces.get(random.nextInt(pieces.size())))
                        .collect(Collectors.joining()) + space(random))
                .toList();
    }

    private static String space(Random random) {
        return random.ints(random.nextInt(4), 0, WHITE_SPACE.length()).map(WHITE_SPACE::charAt)
                .mapToObj(Character::toString).collect(Collectors.joining());
    }

    private static String letters(Random random, int count) {
        return random.ints(count, 'a', 'z' + 1).mapToObj(Character::toString).collect(Collectors.joining());
    }

    /** Random code points that Unicode has assigned, with a space, line feed or apostrophe now and then. */
    static List<String> random(int texts, long seed) {
        Random random = new Random(seed);
        return IntStream.range(0, texts)
                .mapToObj(i -> IntStream.range(0, 60).map(j -> codePoint(random)).mapToObj(Character::toString)
                        .collect(Collectors.joining()))
                .toList();
    }

    private static int codePoint(Random random) {
        int kind = random.nextInt(8);
        if (kind < 2) {
            return " \n'\u00a0".charAt(random.nextInt(4));
        }
        int bound = kind < 4 ? 0x250 : kind < 7 ? 0x10000 : 0x20000;
        int point = random.nextInt(bound);
        while (!Character.isDefined(point) || Character.getType(point) == Character.SURROGATE) {
            point = random.nextInt(bound);
        }
        return point;
    }
}
