package gerbil;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import gerbil.base.Folders;
import gerbil.base.WholeFile;
import org.junit.jupiter.api.Test;

import java.nio.charset.Charset;
import java.nio.file.CopyOption;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.text.DecimalFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Each package is a room with one job; these are the doors between them, each of which is used. */
class ArchitectureTest {

    private static final JavaClasses CLASSES =
            new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("gerbil");

    private static final String USES = """
            base: []
            cli: [base, corpus, eval, hub, kernels, model, notebook, objective, results, runs, spec, tokenizer, tokens, train]
            corpus: [base]
            cuda: [base, kernels, model, spec]
            eval: [base, kernels, model, objective, spec, tokenizer, tokens]
            hub: [base, kernels, model, objective, safetensors, spec, tokenizer]
            kernels: [base, model, spec]
            law: [base, results, spec]
            model: [base, spec]
            notebook: [base, law, model, results, runs, spec, tokenizer, train]
            objective: [base, spec, tokenizer, tokens]
            results: [base, spec]
            runs: [base, corpus, hub, model, safetensors, spec, tokenizer, tokens]
            safetensors: [base]
            seq2seq: [base, corpus, hub, model, runs, safetensors, spec, tokenizer, train]
            spec: [base]
            tokenizer: [base]
            tokens: [base, corpus, tokenizer]
            train: [base, corpus, cuda, eval, hub, kernels, model, objective, runs, spec, tokenizer, tokens]
            """;

    @Test
    void packagesUseWhatIsNamedHere() {
        Map<String, Set<String>> found = new TreeMap<>();
        for (JavaClass one : CLASSES) {
            Set<String> uses = found.computeIfAbsent(room(one), room -> new TreeSet<>());
            one.getDirectDependenciesFromSelf().stream().map(Dependency::getTargetClass)
                    .map(JavaClass::getBaseComponentType).filter(c -> c.getPackageName().startsWith("gerbil."))
                    .map(ArchitectureTest::room).filter(room -> !room.equals(room(one))).forEach(uses::add);
        }
        assertEquals(USES, found.entrySet().stream().map(e -> e.getKey() + ": " + e.getValue() + "\n")
                .collect(Collectors.joining()));
    }

    /** The package below {@code gerbil} that a class is in. */
    private static String room(JavaClass one) {
        return one.getPackageName().replaceFirst("^gerbil\\.", "");
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("gerbil.(*)..").should().beFreeOfCycles().check(CLASSES);
    }

    @Test
    void onlyWhatShowsResultsKnowsTables() {
        noClasses().that().resideOutsideOfPackages("gerbil.results..", "gerbil.notebook..", "gerbil.cli..")
                .should().dependOnClassesThat().resideInAPackage("tech.tablesaw..").check(CLASSES);
    }

    /** So that there is one place to see to it that a name means something whole. */
    @Test
    void onlyWholeFilesAreMovedIntoPlace() {
        noClasses().that().doNotBelongToAnyOf(WholeFile.class)
                .should().callMethod(Files.class, "move", Path.class, Path.class, CopyOption[].class)
                .orShould().accessField(StandardCopyOption.class, "ATOMIC_MOVE").check(CLASSES);
    }

    /** Where a folder may be a symbolic link; what is deleted is not looked for behind one. */
    @Test
    void onlyOnePlaceMakesFoldersAndOneWalksThem() {
        noClasses().that().doNotBelongToAnyOf(Folders.class).should()
                .callMethod(Files.class, "createDirectories", Path.class, FileAttribute[].class)
                .orShould().callMethod(Files.class, "walkFileTree", Path.class, FileVisitor.class).check(CLASSES);
        noClasses().that().doNotBelongToAnyOf(WholeFile.class).should()
                .callMethod(Files.class, "walk", Path.class, FileVisitOption[].class).check(CLASSES);
    }

    /** So that a byte order mark, and another encoding than UTF-8, are seen. */
    @Test
    void textsOfOthersAreReadInOnePlace() {
        noClasses().that().resideInAnyPackage("gerbil.corpus", "gerbil.eval", "gerbil.hub", "gerbil.tokenizer")
                .and().doNotHaveFullyQualifiedName("gerbil.corpus.Download")
                .should().callMethod(Files.class, "readString", Path.class)
                .orShould().callMethod(Files.class, "readAllLines", Path.class)
                .orShould().callMethod(Files.class, "lines", Path.class)
                .orShould().callMethod(Files.class, "newBufferedReader", Path.class).check(CLASSES);
    }

    @Test
    void onlyCommandsAndNotebooksPrint() {
        noClasses().that().resideOutsideOfPackages("gerbil.cli..", "gerbil.notebook..")
                .should().accessField(System.class, "out").orShould().accessField(System.class, "err").check(CLASSES);
    }

    /** So that names and files are the same in every country, and texts whatever the environment is. */
    @Test
    void nothingAsksForTheLocaleOrTheCharacterSetOfTheMachine() {
        noClasses().should().callCodeUnitWhere(describe("a platform default", ArchitectureTest::takesADefault))
                .orShould().callMethod(String.class, "formatted", Object[].class)
                .orShould().callMethod(Locale.class, "getDefault")
                .orShould().callMethod(Charset.class, "defaultCharset")
                .orShould().callConstructor(DecimalFormat.class)
                .orShould().callConstructor(DecimalFormat.class, String.class).check(CLASSES);
    }

    /**
     * Whether the JDK offers the same with one more parameter, a locale or a character set. Where it has files in UTF-8
     * and entries of zips in UTF-8 by default, that is no default of the machine's.
     */
    private static boolean takesADefault(JavaCall<?> call) {
        JavaClass owner = call.getTargetOwner();
        if (!owner.getPackageName().startsWith("java.") || owner.isEquivalentTo(Files.class)
                || owner.getPackageName().equals("java.util.zip")) {
            return false;
        }
        List<String> given = names(call.getTarget().getRawParameterTypes());
        return owner.getAllMembers().stream().filter(JavaCodeUnit.class::isInstance).map(JavaCodeUnit.class::cast)
                .filter(other -> other.getName().equals(call.getName()))
                .map(other -> names(other.getRawParameterTypes())).filter(wanted -> wanted.size() == given.size() + 1)
                .anyMatch(wanted -> Stream.of(Locale.class, Charset.class).map(Class::getName)
                        .anyMatch(one -> removed(wanted, one).equals(given)));
    }

    private static List<String> removed(List<String> types, String one) {
        List<String> left = new ArrayList<>(types);
        left.remove(one);
        return left;
    }

    private static List<String> names(List<JavaClass> types) {
        return types.stream().map(JavaClass::getName).toList();
    }
}
