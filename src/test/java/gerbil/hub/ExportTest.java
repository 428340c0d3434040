package gerbil.hub;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.Campaign;
import gerbil.base.Folders;
import gerbil.base.GerbilException;
import gerbil.spec.Objective;
import gerbil.train.PowerCuts;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

class ExportTest {

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource
    void exportsComeBack(Objective objective) throws IOException {
        Path exported = SmallExport.write(objective, folder);
        try (LanguageModel model = SmallExport.model(objective); LanguageModel read = Import.open(exported)) {
            assertEquals(model.sha256(), read.sha256());
            assertEquals(model.model().config(), read.model().config());
            assertEquals(model.vocabulary().tokenizerJson(), read.vocabulary().tokenizerJson());
        }
        Set<String> expected = new TreeSet<>(Set.of("config.json", "generation_config.json", "model.safetensors",
                "tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json",
                "README.md"));
        if (objective == Objective.BLENDER) {
            expected.add("added_tokens.json");
        }
        assertEquals(expected, names(exported));
        String message = assertThrows(GerbilException.class, () -> SmallExport.write(objective, exported)).getMessage();
        assertTrue(message.contains("has content"), message);
    }

    private static Set<String> names(Path folder) throws IOException {
        return Folders.files(folder).keySet().stream().map(f -> f.getFileName().toString()).collect(Collectors.toSet());
    }

    @Test
    void thePowerFails() throws Exception {
        Set<String> whole = new HashSet<>();
        PowerCuts cuts = new PowerCuts(folder) {

            @Override
            protected void cut(Path after, String said) throws IOException {
                for (Path file : Folders.files(after).keySet()) {
                    Path written = disk().resolve(after.relativize(file));
                    assertTrue(file.toString().endsWith(".tmp") || Files.mismatch(file, written) < 0, file.toString());
                }
                if (said.contains("done")) {
                    assertEquals(names(disk()), names(after));
                    whole.add(said);
                }
            }
        };
        Campaign.report("Power cut while a model is exported", cuts.run(1_000, Writing.class,
                cuts.disk().resolve("export").toString()) + "; no file is there in part, and none is lost at the end");
        assertEquals(1, whole.size());
    }

    static final class Writing {

        private Writing() {
        }

        public static void main(String[] args) throws IOException {
            SmallExport.write(Objective.BLENDER, Path.of(args[0]));
            System.out.println("done");
        }
    }

    @Test
    void cardSaysWhatWasTrained() {
        String card = Cards.of("3.3m").markdown();
        for (String said : Set.of("library_name: transformers", "# Gerbil-A-3.3m", "3,326,112 parameters", "6.6644",
                "step 7 of 916", "source-jars", "0.032", "AutoModelForCausalLM", "## Limits")) {
            assertTrue(card.contains(said), said + " in " + card);
        }
        assertTrue(card.startsWith("---\n"));
        assertTrue(Cards.of("40k-blender").markdown().contains("<fitm_start>"));
    }
}
