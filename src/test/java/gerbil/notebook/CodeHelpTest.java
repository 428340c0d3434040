package gerbil.notebook;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.spec.Scale;
import jdk.jshell.JShell;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What is in documentation comments only the kernel sees, whose JVM opens JShell: environment/browser_test.py. */
class CodeHelpTest {

    private static JShell shell;
    private static CodeHelp help;

    @BeforeAll
    static void start() throws Exception {
        shell = JShell.builder().executionEngine("local").build();
        URI classes = Scale.class.getProtectionDomain().getCodeSource().getLocation().toURI();
        shell.addToClasspath(Path.of(classes).toString());
        for (String code : List.of("import gerbil.runs.*;", "import gerbil.notebook.*;", "import gerbil.spec.*;",
                "Workspace workspace = null;", "int length = 3;")) {
            shell.eval(code);
        }
        help = new CodeHelp(shell, Path.of("src/main/java"));
    }

    @AfterAll
    static void stop() {
        shell.close();
    }

    /** @param code with | where the cursor is */
    private static String documentation(String code) {
        Optional<MimeBundle> found = help.documentation(code.replace("|", ""), code.indexOf('|'));
        return found.map(MimeBundle::plainText).orElse("");
    }

    private static CodeHelp.Completions completions(String code) {
        return help.completions(code.replace("|", ""), code.indexOf('|'));
    }

    @Test
    void aCallIsKnownWhereverTheCursorIsInIt() {
        String call = "gerbil.runs.Workspace.prepare(Scale scale, gerbil.base.Progress progress)";
        for (String code : List.of("workspace.prepare(|", "workspace.prepare(|)",
                "workspace.pre|pare(Scale.NANO, null)", "workspace.prepare|(Scale.NANO, null)",
                "workspace.prepare(Scale.NANO, |", "workspace.prepare(Scale.NANO, unk|",
                "import java.io.*;\nworkspace.prepare(|", "Workspace mine = workspace;\nmine.prepare(|",
                "record A(int x) { }\nworkspace.prepare(|)\nint y = 3;")) {
            assertTrue(documentation(code).contains(call), code + ": " + documentation(code));
        }
        assertTrue(documentation("Math.max(|").startsWith("int Math.max(int a, int b)"), documentation("Math.max(|"));
        assertTrue(documentation("Sca|le.NANO").startsWith("gerbil.spec.Scale"), documentation("Sca|le.NANO"));
        assertEquals("", documentation("nothing.known(|"));
    }

    @Test
    void theParametersOfACallComeFirstAndTypesLast() {
        CodeHelp.Completions found = completions("workspace.prepare(|");
        assertEquals("scale, progress", found.texts().get(0));
        assertEquals("workspace.prepare(".length(), found.from());
        int variable = found.texts().indexOf("workspace");
        int type = found.texts().indexOf("Workspace");
        assertTrue(0 < variable && variable < type, variable + ", " + type);
        assertEquals(List.of("a, b", "length"), completions("Math.max(|").texts().subList(0, 2));
        CodeHelp.Completions behindImport = completions("import java.io.*;\nworkspace.prep|");
        assertEquals(List.of("prepare("), behindImport.texts());
        assertEquals("import java.io.*;\nworkspace.".length(), behindImport.from());
    }

    @Test
    void aCommentIsHtmlWithoutTags() {
        String comment = "Reads {@code a < b}, see {@link #of(int)} and {@link Tables the tables}.\n"
                + "@param name of <i>it</i>";
        assertEquals("Reads <code>a &lt; b</code>, see <code>of(int)</code> and <code>the tables</code>.\n"
                + "<br><b>param</b> name of <i>it</i>", Javadoc.html(comment));
        assertEquals("Reads a < b, see of(int) and the tables.\n\nparam name of it", Javadoc.text(comment));
    }
}
