package gerbil;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.library.Architectures.LayeredArchitecture;
import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Each package is a room with one job; these are the only doors between them. */
class ArchitectureTest {

    private static final JavaClasses CLASSES =
            new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("gerbil");

    private static final Map<String, List<String>> MAY_USE = new TreeMap<>(Map.ofEntries(
            Map.entry("spec", List.of()),
            Map.entry("corpus", List.of("spec")),
            Map.entry("tokens", List.of("spec", "corpus")),
            Map.entry("objective", List.of("spec", "tokens")),
            Map.entry("model", List.of("spec")),
            Map.entry("safetensors", List.of("spec")),
            Map.entry("eval", List.of("spec", "tokens", "objective", "model")),
            Map.entry("hub", List.of("spec", "corpus", "tokens", "objective", "model", "safetensors")),
            Map.entry("train", List.of("spec", "corpus", "tokens", "objective", "model", "eval", "safetensors",
                    "hub")),
            Map.entry("results", List.of("spec")),
            Map.entry("notebook", List.of("spec", "corpus", "tokens", "objective", "model", "safetensors", "hub",
                    "eval", "train", "results")),
            Map.entry("cli", List.of("spec", "corpus", "tokens", "objective", "model", "safetensors", "hub", "eval",
                    "train", "results", "notebook"))));

    @Test
    void packagesUseOnlyWhatTheyMay() {
        LayeredArchitecture rooms = layeredArchitecture().consideringOnlyDependenciesInAnyPackage("gerbil..")
                .ensureAllClassesAreContainedInArchitecture();
        for (String room : MAY_USE.keySet()) {
            rooms = rooms.layer(room).definedBy("gerbil." + room + "..");
        }
        for (Map.Entry<String, List<String>> doors : MAY_USE.entrySet()) {
            rooms = doors.getValue().isEmpty() ? rooms.whereLayer(doors.getKey()).mayNotAccessAnyLayer()
                    : rooms.whereLayer(doors.getKey()).mayOnlyAccessLayers(doors.getValue().toArray(String[]::new));
        }
        rooms.check(CLASSES);
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

    @Test
    void onlyCommandsAndNotebooksPrint() {
        noClasses().that().resideOutsideOfPackages("gerbil.cli..", "gerbil.notebook..")
                .should().accessField(System.class, "out").orShould().accessField(System.class, "err").check(CLASSES);
    }
}
