package gerbil.eval;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import gerbil.base.GerbilException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;

class ExampleTasksTest {

    @TempDir
    private Path folder;

    private static String document(int i) {
        return "/** The gerbil number " + i + " looks at the wheel today. It does not know {@code much} about what " + i
                + " others do in a wheel.\n * Every gerbil which has a number between one and " + i
                + " may run there.\n * @return no */\nint x;";
    }

    @Test
    void itemsAreInTheDatasetsFormatsAndTheSameEachTime() throws IOException {
        List<String> documents = IntStream.range(0, 30).mapToObj(ExampleTasksTest::document).toList();
        ExampleTasks.write(documents, folder.resolve("a"), 20);
        ExampleTasks.write(documents, folder.resolve("b"), 20);
        try (NDManager manager = NDManager.newBaseManager()) {
            Scorer scorer = new Scorer(SomeModel.create(manager), SomeModel.TOKENIZER);
            for (Task task : Task.ALL) {
                assertEquals(-1, Files.mismatch(task.in(folder.resolve("a")), task.in(folder.resolve("b"))));
                assertEquals(20, task.score(scorer, task.in(folder.resolve("a")), 30).items(), task.name());
            }
        }
        for (String task : List.of("hellaswag", "winogrande", "piqa")) {
            List<MultipleChoice.Question> questions =
                    ((MultipleChoice) Task.of(task)).questions(Task.of(task).in(folder.resolve("a")), 20);
            int choices = questions.get(0).choices().size();
            for (int answer = 0; answer < choices; answer++) {
                int place = answer;
                assertEquals(20 / choices, questions.stream().filter(q -> q.answer() == place).count(), task);
            }
            assertTrue(questions.stream().allMatch(q -> new HashSet<>(q.choices()).size() > 1), task);
        }
    }

    @Test
    void documentsWithoutProseAreRefused() {
        GerbilException refused = assertThrows(GerbilException.class,
                () -> ExampleTasks.write(List.of("int x;"), folder, 20));
        assertTrue(refused.getMessage().contains("0 pairs of sentences"), refused.getMessage());
    }
}
