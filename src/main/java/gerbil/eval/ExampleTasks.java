package gerbil.eval;

import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.base.Json;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Items in the formats of {@link Task}, made from the prose of documentation comments: for trying the tasks offline, on
 * the kind of text that the default corpus teaches. They are not the datasets and their scores are nobody else's. Wrong
 * choices come from other comments; nothing is drawn, so that the same documents give the same items.
 */
public final class ExampleTasks {

    private static final Pattern COMMENT = Pattern.compile("/\\*\\*(.*?)\\*/", Pattern.DOTALL);
    private static final Pattern MARGIN = Pattern.compile("(?m)^\\s*\\*+ ?");
    private static final Pattern TAGS = Pattern.compile("(?ms)^\\s*@\\w+.*\\z");
    private static final Pattern INLINE = Pattern.compile("\\{@\\w+\\s+#?([^}]*)}|</?\\w+[^>]*>");
    private static final Pattern SENTENCE = Pattern.compile("[A-Z][\\w ,;:'()/-]{30,200}\\.");
    private static final int LONG_WORD = 4;
    private static final int LONG_SENTENCE = 8;

    /** Two sentences that follow each other. */
    private record Pair(String first, String second) {
    }

    private ExampleTasks() {
    }

    /**
     * Writes {@code lambada_openai.jsonl}, {@code hellaswag.jsonl}, {@code winogrande.jsonl}, {@code piqa.jsonl} and
     * {@code text.jsonl}.
     *
     * @param documents that the models to be scored have not seen
     * @param items of each file at most
     * @throws GerbilException if the documents have too little prose in comments for an item of each kind
     */
    public static void write(List<String> documents, Path folder, int items) throws IOException {
        // no second sentence twice: it could be the right choice and a wrong one
        Map<String, Pair> found = new LinkedHashMap<>();
        documents.forEach(document -> pairs(document).forEach(pair -> found.putIfAbsent(pair.second(), pair)));
        List<Pair> pairs = List.copyOf(found.values());
        if (pairs.size() < 4) {
            throw new GerbilException(pairs.size() + " pairs of sentences in the comments of " + documents.size()
                    + " documents", "at least 4", "give more documents, with documentation comments in English");
        }
        Folders.create(folder);
        write(folder, "lambada_openai", pairs.stream().flatMap(ExampleTasks::lastWord).limit(items));
        write(folder, "hellaswag", items, pairs.stream().filter(p -> words(p.second()).length >= LONG_SENTENCE),
                ExampleTasks::ending);
        write(folder, "winogrande", items, pairs.stream().filter(p -> blank(p.second()) > 0), ExampleTasks::blanked);
        write(folder, "piqa", items, pairs.stream(), ExampleTasks::solution);
        write(folder, "text", documents.stream().limit(items).map(text -> item("text", text)));
    }

    private static void write(Path folder, String task, Stream<Map<String, Object>> items) throws IOException {
        Files.write(Task.of(task).in(folder), items.map(Json::line).toList());
    }

    /** Right and wrong choices come from the same sentences: else their lengths would tell them apart. */
    private static void write(Path folder, String task, int items, Stream<Pair> fit,
                              BiFunction<List<Pair>, Integer, Map<String, Object>> item) throws IOException {
        List<Pair> pairs = fit.toList();
        write(folder, task, IntStream.range(0, Math.min(items, pairs.size())).mapToObj(i -> item.apply(pairs, i)));
    }

    private static List<Pair> pairs(String document) {
        List<Pair> pairs = new ArrayList<>();
        Matcher comment = COMMENT.matcher(document);
        while (comment.find()) {
            String prose = TAGS.matcher(MARGIN.matcher(comment.group(1)).replaceAll("")).replaceAll("");
            String[] sentences = INLINE.matcher(prose).replaceAll("$1").strip().replaceAll("\\s+",
                    " ").split("(?<=\\.) ");
            for (int i = 1; i < sentences.length; i++) {
                if (SENTENCE.matcher(sentences[i - 1]).matches() && SENTENCE.matcher(sentences[i]).matches()) {
                    pairs.add(new Pair(sentences[i - 1], sentences[i]));
                }
            }
        }
        return pairs;
    }

    private static String[] words(String sentence) {
        return sentence.split(" ");
    }

    /** A passage whose last word, a long one, has occurred in it: what LAMBADA's passages have in common. */
    private static Stream<Map<String, Object>> lastWord(Pair pair) {
        String passage = pair.first() + " " + pair.second().substring(0, pair.second().length() - 1);
        List<String> words = Arrays.asList(words(passage));
        String last = words.get(words.size() - 1);
        return last.length() >= LONG_WORD && words.indexOf(last) < words.size() - 1
                ? Stream.of(item("text", passage)) : Stream.empty();
    }

    /** Three words, and four ways to go on. */
    private static Map<String, Object> ending(List<Pair> pairs, int place) {
        String[] words = words(pairs.get(place).second());
        int label = place % 4;
        List<String> endings = new ArrayList<>();
        for (int choice = 0; choice < 4; choice++) {
            int from = (place + (choice - label + 4) % 4 * (pairs.size() / 4)) % pairs.size();
            String[] other = words(pairs.get(from).second());
            endings.add(String.join(" ", Arrays.copyOfRange(other, Math.min(3, other.length - 1), other.length)));
        }
        return item("ind", place, "activity_label", "Documentation", "ctx_a", pairs.get(place).first(), "ctx_b",
                String.join(" ", Arrays.copyOf(words, 3)), "endings", endings, "label", String.valueOf(label));
    }

    /** The place of a long word in the middle of a sentence, or -1. */
    private static int blank(String sentence) {
        String[] words = words(sentence);
        for (int i = 2; i < words.length - 3; i++) {
            if (words[i].matches("[a-z]{" + LONG_WORD + ",}")) {
                return i;
            }
        }
        return -1;
    }

    /** A sentence with a blank, and its own word and another sentence's to put there. */
    private static Map<String, Object> blanked(List<Pair> pairs, int place) {
        String[] words = words(pairs.get(place).second());
        int blank = blank(pairs.get(place).second());
        String own = words[blank];
        String other = Stream.iterate(1, i -> i + 1).limit(pairs.size())
                .map(i -> pairs.get((place + i) % pairs.size()).second())
                .map(s -> words(s)[blank(s)]).filter(word -> !word.equals(own)).findFirst().orElse("nothing");
        words[blank] = "_";
        boolean first = place % 2 == 0;
        return item("sentence", String.join(" ", words), "option1", first ? own : other, "option2", first ? other : own,
                "answer", first ? "1" : "2");
    }

    /** A sentence, and the one that follows it beside one that does not. */
    private static Map<String, Object> solution(List<Pair> pairs, int place) {
        String own = pairs.get(place).second();
        String other = pairs.get((place + pairs.size() / 2) % pairs.size()).second();
        int label = place % 2;
        return item("goal", pairs.get(place).first(), "sol1", label == 0 ? own : other, "sol2",
                label == 0 ? other : own, "label", label);
    }

    private static Map<String, Object> item(Object... fields) {
        Map<String, Object> item = new LinkedHashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            item.put((String) fields[i], fields[i + 1]);
        }
        return item;
    }
}
