package gerbil.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import gerbil.base.Json;
import gerbil.base.Progress;
import gerbil.corpus.Deduplication;
import gerbil.corpus.TextFolder;
import gerbil.tokenizer.Vocabulary;
import gerbil.tokens.Preparation;
import gerbil.tokens.Screening;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Spark on this machine writes the same shards and manifests as the preparation without it, byte for byte. */
class PrepareOnSparkTest {

    @TempDir
    static Path shared;

    @TempDir
    Path temp;

    /** Of 20 million tokens and more, so that there are two shards. */
    @BeforeAll
    static void writeCorpus() throws IOException {
        Path texts = Files.createDirectory(shared.resolve("texts"));
        List<String> sources = sources();
        Random random = new Random(1);
        for (String name : List.of("a.jsonl", "b.jsonl")) {
            List<String> lines = new ArrayList<>();
            for (int i = 0; i < 4_500; i++) {
                String text = (i % 9 == 0 ? "" : "file " + i + name + "\n")
                        + sources.get(random.nextInt(sources.size()));
                lines.add(i == 77 ? "no JSON" : Json.line(Map.of("text", text)));
            }
            Files.write(texts.resolve(name), lines);
        }
        for (int i = 0; i < 300; i++) {
            Files.writeString(texts.resolve(i + ".txt"), i + sources.get(i % sources.size()));
        }
        Files.copy(Path.of("src/test/resources/parquet/labels.parquet"), texts.resolve("c.parquet"));
    }

    private static List<String> sources() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("src"))) {
            List<String> texts = new ArrayList<>();
            for (Path file : (Iterable<Path>) files.filter(f -> f.toString().endsWith(".java")).sorted()::iterator) {
                texts.add(Files.readString(file));
            }
            return texts;
        }
    }

    @ParameterizedTest
    @CsvSource({"none, 9223372036854775807, 9223372036854775807", "exact, 2000000, 50000", "near, 900000, 10000"})
    void writesTheSameBytes(String deduplication, long train, long heldOut) throws IOException {
        Path one = temp.resolve("one");
        Path many = temp.resolve("many");
        Preparation.prepare(TextFolder.open(shared.resolve("texts")), Vocabulary.cut(512), one, train, heldOut, 3,
                new Screening(Deduplication.of(deduplication), 1_000, false), Progress.NONE);
        System.setProperty("spark.ui.enabled", "false");
        PrepareOnSpark.main(shared.resolve("texts").toString(), many.toString(), "512", "" + train, "" + heldOut, "3",
                deduplication);
        List<String> files = files(one);
        files.remove("report.json");
        assertEquals(files, files(many));
        for (String file : files) {
            assertEquals(-1, Files.mismatch(one.resolve(file), many.resolve(file)), file);
        }
        assertTrue(!deduplication.equals("none") || files.contains("train/shard-00001.bin"), files.toString());
    }

    private static List<String> files(Path folder) throws IOException {
        try (Stream<Path> walk = Files.walk(folder)) {
            return walk.filter(Files::isRegularFile).map(f -> folder.relativize(f).toString()).sorted()
                    .collect(Collectors.toCollection(ArrayList::new));
        }
    }
}
