package gerbil.seq2seq;

import gerbil.base.Sha256;
import gerbil.corpus.Corpus;
import gerbil.corpus.Document;
import gerbil.corpus.HeldOut;
import gerbil.tokenizer.Tokenizer;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A task in the Java files of a corpus: from the javadoc of a method or constructor to its signature. A file that is
 * held out from language models is held out here.
 *
 * @param train in the order of the corpus's seed 0
 * @param heldOut of files that are held out, by the length of their comments
 * @param duplicates left out because their comment was there before
 * @param tooLong left out because of their length
 */
public record JavadocPairs(List<Pair> train, List<Pair> heldOut, int duplicates, int tooLong) {

    private static final Pattern BEGIN = Pattern.compile("/\\*\\*(?![*/])");
    private static final String END = "*/";
    /** Annotations, with parentheses that hold at most one more level, then all to the body or the semicolon. */
    private static final Pattern SIGNATURE = Pattern.compile(
            "\\s*+(?:@[\\w.]++\\s*+(?:\\((?:[^()]|\\([^()]*+\\))*+\\)\\s*+)?)*+"
                    + "([^(){};=*/]++\\([^(){};*/]*+\\)[^(){};=*/]*+)[{;]");

    /**
     * Finds the pairs.
     *
     * @param longestSource most tokens of a comment
     * @param longestTarget most tokens of a signature
     */
    public static JavadocPairs of(Corpus corpus, Tokenizer tokenizer, int longestSource, int longestTarget) {
        List<Pair> train = new ArrayList<>();
        List<Pair> heldOut = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        int duplicates = 0;
        int tooLong = 0;
        try (Stream<Document> documents = corpus.documents(0)) {
            for (Iterator<Document> all = documents.filter(d -> d.id().endsWith(".java")).iterator(); all.hasNext(); ) {
                Document document = all.next();
                for (String[] found : find(document.text())) {
                    Pair pair = new Pair(tokenizer.encode(found[0]), tokenizer.encode(found[1]));
                    if (!seen.add(found[0])) {
                        duplicates++;
                    } else if (pair.source().length > longestSource || pair.target().length > longestTarget) {
                        tooLong++;
                    } else {
                        (HeldOut.contains(document) ? heldOut : train).add(pair);
                    }
                }
            }
        }
        // so that little is padded where they are measured one after another
        heldOut.sort(Comparator.comparingInt(pair -> pair.source().length));
        return new JavadocPairs(List.copyOf(train), List.copyOf(heldOut), duplicates, tooLong);
    }

    /** SHA-256 of all ids: the same corpus, tokenizer and longest texts give the same pairs. */
    public String sha256() {
        MessageDigest digest = Sha256.begin();
        for (List<Pair> pairs : List.of(train, heldOut)) {
            digest.update((byte) 0);
            for (Pair pair : pairs) {
                digest.update(Arrays.toString(pair.source()).getBytes(StandardCharsets.US_ASCII));
                digest.update(Arrays.toString(pair.target()).getBytes(StandardCharsets.US_ASCII));
            }
        }
        return Sha256.hex(digest);
    }

    /** Comments with their signatures, each in one line. */
    static List<String[]> find(String text) {
        List<String[]> found = new ArrayList<>();
        Matcher begin = BEGIN.matcher(text);
        Matcher signature = SIGNATURE.matcher(text);
        int end = 0;
        while (begin.find(end) && (end = text.indexOf(END, begin.end())) >= 0) {
            if (signature.region(end + END.length(), text.length()).lookingAt()) {
                String comment = oneLine(text.substring(begin.end(), end).replaceAll("(?m)^\\s*\\*+", ""));
                if (!comment.isEmpty()) {
                    found.add(new String[] {comment, oneLine(signature.group(1))});
                }
            }
        }
        return found;
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s+", " ");
    }
}
