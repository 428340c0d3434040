package gerbil.seq2seq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import gerbil.base.GerbilException;
import gerbil.base.Json;
import gerbil.hub.LanguageModel;
import gerbil.model.GptJ;
import gerbil.runs.TrainedModel;
import gerbil.spec.GptJConfig;
import gerbil.spec.ModelSize;
import gerbil.spec.Objective;
import gerbil.tokenizer.Vocabulary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

class Seq2SeqModelTest {

    private static final String PYTHON = "GERBIL_PEERS_PYTHON";
    private static final List<String> SOURCES = List.of("Returns the length.", "@return true if it is empty", "x");
    private static final int TOKENS = 20;

    /** Weights of which answers depend on what is read. */
    private static Seq2SeqModel model() {
        Seq2SeqModel model = Seq2SeqModel.random(ModelSize.of("92k").config(Objective.CAUSAL), Vocabulary.cut(1_024),
                3);
        try (NDManager scratch = model.network().manager().newSubManager()) {
            for (NDArray weight : model.network().weights().values()) {
                weight.set(new NDIndex("..."), weight.add(scratch.randomNormal(weight.getShape()).mul(0.3)));
            }
        }
        return model;
    }

    @Test
    void comesBackFromItsFolder(@TempDir Path folder) throws IOException {
        Path written = folder.resolve("new");
        try (Seq2SeqModel model = model()) {
            List<String> answers = model.answers(SOURCES, TOKENS);
            assertEquals(SOURCES.size(), answers.stream().distinct().count(), "reads");
            assertEquals(answers.get(2), model.answers(List.of("x"), TOKENS).get(0), "alone as among others");
            model.write(written);
            assertThrows(GerbilException.class, () -> model.write(written));
            try (Seq2SeqModel read = Seq2SeqModel.open(written)) {
                assertEquals(answers, read.answers(SOURCES, TOKENS));
                assertEquals(model.parameters(), read.parameters());
            }
        }
        assertEquals("Found: " + written + ", an encoder-decoder, as a model that continues text. Expected: a decoder "
                + "alone. To do: let it answer a text (gerbil.seq2seq.Seq2SeqModel), or take the model that it began "
                + "with.", assertThrows(GerbilException.class, () -> TrainedModel.openFolder(written)).getMessage());
    }

    @Test
    void halvesHaveOneVocabulary() {
        GptJConfig config = ModelSize.of("40k").config(Objective.CAUSAL);
        try (NDManager manager = NDManager.newBaseManager()) {
            LanguageModel one = new LanguageModel(GptJ.initialized(config, manager, 0), Vocabulary.cut(1_024));
            LanguageModel other = new LanguageModel(GptJ.initialized(config, manager, 0), Vocabulary.cut(1_000));
            assertEquals("Found: an encoder with the vocabulary gpt2-1024 and a decoder with gpt2-1000. Expected: "
                    + "halves of one vocabulary. To do: begin both with the same model.",
                    assertThrows(GerbilException.class, () -> Seq2SeqModel.of(one, other, 0)).getMessage());
        }
    }

    /** The Python of the folder's own README.md. */
    @Test
    @EnabledIfEnvironmentVariable(named = PYTHON, matches = ".+", disabledReason = "environment/test --peers runs it")
    void transformersAnswersTheSameByTheReadme(@TempDir Path folder) throws IOException, InterruptedException {
        Path written = folder.resolve("new");
        List<String> answers;
        try (Seq2SeqModel model = model()) {
            answers = model.answers(SOURCES, TOKENS);
            model.write(written);
        }
        String readme = Files.readString(written.resolve("README.md"));
        String script = readme.substring(readme.indexOf("```python\n") + 10, readme.indexOf("```\n\n`")) + """
                import json, sys
                from transformers import EncoderDecoderModel
                joined = EncoderDecoder(sys.argv[1])
                print(json.dumps([joined.answer(text, %d) for text in sys.argv[2:]]))
                halves = [sys.argv[1] + "/encoder", sys.argv[1] + "/decoder"]
                try:
                    EncoderDecoderModel.from_encoder_decoder_pretrained(*halves)
                except ValueError as refusal:
                    print(refusal)
                """.replace("%d", String.valueOf(TOKENS));
        ProcessBuilder python = new ProcessBuilder(System.getenv(PYTHON), "-c", script, written.toString());
        python.command().addAll(SOURCES);
        python.environment().put("HF_HUB_OFFLINE", "1");
        Process process = python.redirectError(folder.resolve("log").toFile()).start();
        List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines()
                .toList();
        assertEquals(0, process.waitFor(), Files.readString(folder.resolve("log")));
        assertEquals(answers, List.of(Json.parse(lines.get(0), String[].class, "answers")));
        assertTrue(lines.get(1).contains("not prepared for the encoder hidden states"), lines.toString());
    }
}
