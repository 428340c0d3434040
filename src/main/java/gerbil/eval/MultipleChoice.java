package gerbil.eval;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.ToDoubleBiFunction;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The likeliest of several texts.
 *
 * @param normalized whether likelihood by length is reported too ({@code acc_norm}: nats by characters of the choice)
 * @param reader an item's question, from its line and its place in the file
 */
record MultipleChoice(String name, boolean normalized, BiFunction<TaskLine, Integer, Question> reader) implements Task {

    /**
     * HellaSwag (Zellers et al. 2019): {@code activity_label}, {@code ctx_a}, {@code ctx_b}, {@code endings}, {@code
     * label} from 0.
     */
    static final MultipleChoice HELLASWAG =
            new MultipleChoice("hellaswag", true, (line, place) -> hellaSwag(line));

    /**
     * WinoGrande (Sakaguchi et al. 2020): {@code sentence} with a {@code _}, {@code option1}, {@code option2}, {@code
     * answer} 1 or 2. What is scored is the sentence's rest, after each option (partial evaluation, Trinh and Le 2018).
     */
    static final MultipleChoice WINOGRANDE =
            new MultipleChoice("winogrande", false, (line, place) -> winoGrande(line));

    /**
     * PIQA (Bisk et al. 2020): {@code goal}, {@code sol1}, {@code sol2}, and {@code label} from 0 in the line or, as
     * the dataset is published, in {@code <name>-labels.lst} beside the file.
     */
    static final MultipleChoice PIQA = new MultipleChoice("piqa", true, MultipleChoice::piqa);

    private static final Pattern BRACKETS = Pattern.compile("\\[.*?\\]", Pattern.UNIX_LINES);

    /**
     * @param continuations one for each choice
     * @param choices whose lengths {@code acc_norm} divides by
     * @param answer the right one's place
     */
    record Question(List<Continuation> continuations, List<String> choices, int answer) {
    }

    @Override
    public TaskResult score(Scorer scorer, Path file, int limit) {
        List<Question> questions = questions(file, limit);
        List<LogLikelihood> all =
                scorer.logLikelihoods(questions.stream().flatMap(q -> q.continuations().stream()).toList());
        List<List<LogLikelihood>> answers = new ArrayList<>();
        int first = 0;
        for (Question question : questions) {
            answers.add(all.subList(first, first += question.choices().size()));
        }
        Map<String, Double> metrics = new LinkedHashMap<>();
        Accuracy.put(metrics, "acc", right(questions, answers, (answer, choice) -> answer.nats()));
        if (normalized) {
            Accuracy.put(metrics, "acc_norm", right(questions, answers,
                    (answer, choice) -> answer.nats() / PythonText.length(choice)));
        }
        double chance = questions.stream().mapToDouble(q -> 1.0 / q.choices().size()).average().orElseThrow();
        return new TaskResult(name, questions.size(), chance, metrics, answers);
    }

    List<Question> questions(Path file, int limit) {
        List<TaskLine> lines = TaskLine.read(file, limit);
        return IntStream.range(0, lines.size()).mapToObj(i -> reader.apply(lines.get(i), i)).toList();
    }

    /** Whether the choice that scores highest, of equal ones the first, is the right one. */
    private static List<Boolean> right(List<Question> questions, List<List<LogLikelihood>> answers,
                                       ToDoubleBiFunction<LogLikelihood, String> score) {
        return IntStream.range(0, questions.size()).mapToObj(i -> {
            Question question = questions.get(i);
            double[] scores = IntStream.range(0, question.choices().size()).mapToDouble(c ->
                    score.applyAsDouble(answers.get(i).get(c), question.choices().get(c))).toArray();
            return question.answer() == IntStream.range(0, scores.length)
                    .reduce((a, b) -> scores[b] > scores[a] ? b : a).orElseThrow();
        }).toList();
    }

    private static Question hellaSwag(TaskLine line) {
        String context = line.text("ctx_a") + " " + PythonText.capitalize(line.text("ctx_b"));
        String query = withoutMarkup(line.text("activity_label") + ": " + context);
        List<String> endings = line.texts("endings").stream().map(MultipleChoice::withoutMarkup).toList();
        Set<Integer> labels = IntStream.range(0, endings.size()).boxed().collect(Collectors.toSet());
        return new Question(endings.stream().map(ending -> new Continuation(query, " " + ending)).toList(), endings,
                line.label("label", labels));
    }

    /** The half of HellaSwag that comes from WikiHow has that site's marks in brackets. */
    private static String withoutMarkup(String text) {
        String sentences = PythonText.strip(text).replace(" [title]", ". ");
        return BRACKETS.matcher(sentences).replaceAll("").replace("  ", " ");
    }

    private static Question winoGrande(TaskLine line) {
        String sentence = line.text("sentence");
        int blank = sentence.indexOf('_');
        if (blank < 0) {
            throw line.wrong("the sentence '" + sentence + "'", "a sentence with a _");
        }
        List<String> options = List.of(line.text("option1"), line.text("option2"));
        String rest = " " + PythonText.strip(sentence.substring(blank + 1));
        return new Question(options.stream().map(o -> new Continuation(sentence.substring(0, blank) + o,
                rest)).toList(), options, line.label("answer", Set.of(1, 2)) - 1);
    }

    private static Question piqa(TaskLine line, int place) {
        List<String> solutions = List.of(line.text("sol1"), line.text("sol2"));
        String context = "Question: " + line.text("goal") + "\nAnswer:";
        Set<Integer> labels = Set.of(0, 1);
        return new Question(solutions.stream().map(s -> new Continuation(context, " " + s)).toList(), solutions,
                line.has("label") ? line.label("label", labels)
                        : line.label(publishedLabel(line, place), "the label", labels));
    }

    private static String publishedLabel(TaskLine line, int place) {
        Path labels = line.file().resolveSibling(line.file().getFileName().toString().replace(".jsonl", "")
                + "-labels.lst");
        if (!Files.isRegularFile(labels)) {
            throw line.wrong("no label and no " + labels, "a label in each line, or the file of labels");
        }
        List<String> all = TaskLine.text(labels).lines().toList();
        return place < all.size() ? all.get(place) : "";
    }
}
