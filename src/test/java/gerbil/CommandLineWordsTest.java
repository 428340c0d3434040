package gerbil;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** What the library says, it says in its own terms: its options and commands are known to the command line alone. */
class CommandLineWordsTest {

    private static final Path SOURCES = Path.of("src/main/java/gerbil");
    private static final Pattern WORDS = Pattern.compile("--[a-z]|environment/|\\bgerbil [a-z]");
    /** A model's card is for its readers, and names the command beside the Java call. */
    private static final Path CARD = SOURCES.resolve("hub/ModelCard.java");
    /** Names another program's options. */
    private static final Path OTHER_PROGRAM = SOURCES.resolve("train/NvidiaSmi.java");

    @Test
    void onlyTheCommandLineSpeaksOfCommandsAndOptions() throws IOException {
        List<String> found = new ArrayList<>();
        for (CompilationUnitTree unit : parsed()) {
            Path file = SOURCES.relativize(Path.of(unit.getSourceFile().getName()));
            unit.accept(new TreeScanner<Void, Void>() {
                @Override
                public Void visitLiteral(LiteralTree literal, Void nothing) {
                    if (literal.getValue() instanceof String text && WORDS.matcher(text).find()) {
                        found.add(file + ": " + text);
                    }
                    return null;
                }
            }, null);
        }
        assertEquals(List.of(), found);
    }

    private static Iterable<? extends CompilationUnitTree> parsed() throws IOException {
        var compiler = ToolProvider.getSystemJavaCompiler();
        try (StandardJavaFileManager manager = compiler.getStandardFileManager(null, null, null);
             Stream<Path> files = Files.walk(SOURCES)) {
            List<Path> sources = files.filter(file -> file.toString().endsWith(".java"))
                    .filter(file -> !file.startsWith(SOURCES.resolve("cli")))
                    .filter(file -> !file.equals(CARD) && !file.equals(OTHER_PROGRAM)).toList();
            return ((JavacTask) compiler.getTask(null, manager, null, null, null,
                    manager.getJavaFileObjectsFromPaths(sources))).parse();
        }
    }
}
